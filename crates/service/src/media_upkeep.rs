//! Deletes pictures that were made to fit, when distributions of their time are
//! deleted too (`retention.days`). One that is asked for again is made again.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::media::links::MediaLinks;

use crate::clock::Clock;

/// Between two looks.
const INTERVAL: Duration = Duration::from_hours(1);

/// Looks until it is aborted; at once over where nothing is kept, or all for ever.
pub(crate) async fn forget_old(media: Option<Arc<MediaLinks>>, keep: Option<Duration>, clock: Arc<dyn Clock>) {
    let (Some(media), Some(keep)) = (media, keep) else {
        return;
    };
    loop {
        if let Ok(before) = clock.now().checked_sub(keep) {
            match media.forget(before).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "old pictures that were made to fit are deleted"),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old pictures that were made to fit could not be deleted"
                ),
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
