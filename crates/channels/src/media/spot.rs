//! The film that television is to show, looked at before it is handed on as an address:
//! one rule for 우리동네TV and 지니TV (`fanfare_core::film`). A picture or a sound that is
//! shown in its place is handed on unseen.
//!
//! The partner fetches the film itself, perhaps from where this service can't: so only
//! what was seen is refused. A host that is slow, away, inside, or lets only others in is
//! no reason, and costs the call that follows no more than a fifth of its time.

use std::time::Duration;

use fanfare_core::attempt::StepOutcome;
use fanfare_core::delivery::Phase;
use fanfare_core::engine::Call;
use fanfare_core::film::FilmRule;

use super::{MediaClient, MediaError};

/// Looks at films for television, or lets all of them through.
#[derive(Debug, Clone)]
pub struct Spots {
    media: Option<MediaClient>,
    within: Duration,
}

impl Spots {
    /// Looked at by this client, within a fifth of a call's `deadline`; by nobody where
    /// the operator says so.
    pub fn new(media: Option<MediaClient>, deadline: Duration) -> Self {
        Self {
            media,
            within: deadline / 5,
        }
    }

    /// Looks at the film of the request; not where a first call may have had its effect,
    /// whatever has become of the film since.
    ///
    /// # Errors
    /// What the step comes to that would have handed it on.
    pub(crate) async fn check(&self, call: &Call) -> Result<(), StepOutcome> {
        let film = call.request.request.content_urls.video_url.as_deref();
        let (Some(media), Some(film)) = (&self.media, film) else {
            return Ok(());
        };
        if call.delivery.phase == Phase::Unknown {
            return Ok(());
        }
        let look = media.check_film(film, &FilmRule::TELEVISION);
        match tokio::time::timeout(self.within, look).await {
            Ok(Err(error)) if was_seen(&error) => {
                let (failure, retry) = error.refusal();
                Err(StepOutcome::Rejected {
                    failure,
                    retry,
                    checkpoint: None,
                })
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// That it is not there is seen, too.
fn was_seen(error: &MediaError) -> bool {
    match error {
        MediaError::NotAllowed(_) | MediaError::Unreachable(_) | MediaError::Away(_) | MediaError::Redirected(_) => {
            false
        }
        MediaError::Refused(status) => matches!(status, 404 | 410),
        _ => true,
    }
}
