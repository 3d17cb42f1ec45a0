//! Ending tasks that run beside each other, for whoever stops.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Waits until they have ended, for so long in all; what runs still is aborted.
pub(crate) async fn end(tasks: Vec<JoinHandle<()>>, within: Duration) {
    let until = Instant::now() + within;
    for mut task in tasks {
        if timeout_at(until, &mut task).await.is_err() {
            task.abort();
            // It was aborted: that is all that it can say.
            _ = task.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_have_the_one_time() {
        let (began, alive) = (Instant::now(), Arc::new(()));
        let stuck = || {
            let alive = Arc::clone(&alive);
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(alive);
            })
        };
        let mut tasks: Vec<_> = (0..5).map(|_| stuck()).collect();
        tasks.push(tokio::spawn(async {}));
        end(tasks, Duration::from_secs(3)).await;
        assert_eq!(began.elapsed().as_secs(), 3);
        assert_eq!(Arc::strong_count(&alive), 1, "none of them runs on");
    }
}
