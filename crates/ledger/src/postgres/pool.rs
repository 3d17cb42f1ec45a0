//! A few connections, each used by one at a time, made anew where one was lost.
//!
//! What is done on a connection runs in a task of its own to its end, whoever
//! stops waiting for it; so no transaction is left open half-way. A connection
//! is reused only after a transaction that has ended in order.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::error::SqlError;
use super::session::{Dialer, PLANS_KEPT, Session};
use crate::store::StoreError;

/// So often a transaction is tried that others were in the way of.
const TRIES: u32 = 8;

/// The first pause before another try; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(2);

/// What is done on a connection.
pub(super) type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 'a>>;

/// The same, its result put aside.
type Job = Box<dyn for<'a> Fn(&'a Session) -> Doing<'a, ()> + Send + Sync>;

/// Connections for one kind of use.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    dialer: Dialer,
    idle: Mutex<Vec<Session>>,
    permits: Semaphore,
    /// So long a transaction may take, and its wait for a connection; then it is
    /// given up with its connection, whatever it hangs on.
    limit: Duration,
}

impl Pool {
    pub(super) fn new(dialer: Dialer, size: usize, limit: Duration) -> Self {
        Self(Arc::new(Inner {
            dialer,
            idle: Mutex::default(),
            permits: Semaphore::new(size.max(1)),
            limit,
        }))
    }

    /// Does it, again where others were in the way or the connection was lost.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl for<'a> Fn(&'a Session) -> Doing<'a, T> + Send + Sync + 'static,
    ) -> Result<T, StoreError> {
        let found = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&found);
        // What is found is put aside, so that what follows is compiled once, not for each job.
        let job: Job = Box::new(move |session| {
            let (doing, kept) = (job(session), Arc::clone(&kept));
            Box::pin(async move {
                let found = doing.await?;
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                Ok(())
            })
        });
        self.run_to_its_end(doing, job).await?;
        let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.ok_or(StoreError::Closed)
    }

    async fn run_to_its_end(&self, doing: &'static str, job: Job) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.run(&job).await });
        match task.await {
            Ok(result) => result.map_err(|error| error.while_to(doing)),
            Err(error) => Err(StoreError::Database {
                doing,
                source: error.into(),
            }),
        }
    }
}

impl Inner {
    async fn run(&self, job: &Job) -> Result<(), SqlError> {
        let waited = timeout(self.limit, self.permits.acquire()).await;
        let _permit = waited.map_err(|_late| SqlError::TimedOut)?;
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.run_once(job).await {
                Err(error) if error.may_be_tried_again() => tracing::debug!(?error, "a transaction is tried again"),
                result => return result,
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.run_once(job).await
    }

    /// In a session that goes back only if it is in order.
    async fn run_once(&self, job: &Job) -> Result<(), SqlError> {
        let session = self.session().await?;
        let doing = async {
            session.forget_plans(PLANS_KEPT).await?;
            job(&session).await
        };
        let done = timeout(self.limit, doing).await;
        let result = done.unwrap_or(Err(SqlError::TimedOut));
        let in_order = match &result {
            Ok(()) => true,
            Err(SqlError::TimedOut) => false,
            Err(_) => !session.is_closed() && session.run("ROLLBACK").await.is_ok(),
        };
        if in_order {
            self.idle().push(session);
        }
        result
    }

    async fn session(&self) -> Result<Session, SqlError> {
        loop {
            let idle = self.idle().pop();
            match idle {
                Some(session) if session.is_closed() => {}
                Some(session) => return Ok(session),
                None => return self.dialer.dial().await,
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        // A push or a pop leaves no half of itself behind.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
