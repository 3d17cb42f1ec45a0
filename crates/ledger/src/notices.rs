//! Notices that a store holds: what is to be told to which endpoint, how each
//! endpoint is, and which alarms are raised.
//!
//! What concerns a distribution is put there by the commit that changes it, for the
//! endpoints that were named by [`Notices::subscribe`]: so nothing is lost and
//! nothing is told that did not happen. An alarm and its notice are kept together.
//! A notice is kept once for each endpoint, however often it is made.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use fanfare_core::ids::Incarnation;
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, Subscription};
use jiff::Timestamp;

use crate::store::StoreError;

/// The notices that a store holds.
#[async_trait]
pub trait Notices: Send + Sync + 'static {
    /// Who is told what is committed from now on, by this process.
    fn subscribe(&self, subscriptions: Arc<[Subscription]>);

    /// Which endpoints there are, each with a fingerprint of its configuration.
    /// One whose fingerprint has changed is told again if it was disabled; one
    /// that is not among them is forgotten with all that it was to be told.
    async fn configure_endpoints(&self, endpoints: &[(String, String)]) -> Result<(), StoreError>;

    /// The endpoints, by name.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError>;

    /// Takes the endpoint for this life until then, and says how it is; `None`
    /// where another life has it, or there is none.
    async fn hold_endpoint(
        &self,
        name: &str,
        token: Incarnation,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError>;

    /// Others may take it.
    async fn release_endpoint(&self, name: &str, token: Incarnation) -> Result<(), StoreError>;

    /// A person says that it is to be told again; `false` where there is none.
    async fn enable_endpoint(&self, name: &str) -> Result<bool, StoreError>;

    /// What it is to be told by now: what is due longest first.
    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError>;

    /// Keeps what came of sending one, and how the endpoint is since then.
    async fn note_sending(&self, endpoint: &str, noted: &Noted) -> Result<(), StoreError>;

    /// Something is as the notice says: it is told, unless it was so before. Again
    /// where the level is higher than it was. Says whether it is told.
    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError>;

    /// Nobody has seen it so since that time: the alarm is over, and the notice is
    /// told, where there is one. Says whether an alarm was there that is over.
    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError>;

    /// Forgets notices that were made before that time, told or not.
    async fn forget_notices(&self, made_before: Timestamp) -> Result<u64, StoreError>;
}

/// An endpoint as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: EndpointHealth,
    /// What it still has to be told.
    pub pending: u64,
    /// When the oldest of that was made.
    pub oldest: Option<Timestamp>,
}

/// A notice that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueNotice {
    /// Where it stands among all.
    pub position: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// What it is.
    pub notice: Notice,
}

/// What came of sending a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Which.
    pub position: u64,
    /// How often it was sent by now.
    pub attempts: u32,
    /// What becomes of it.
    pub fate: NoticeFate,
    /// When.
    pub at: Timestamp,
    /// How its endpoint is now.
    pub health: EndpointHealth,
    /// What the other endpoints are told of that.
    pub notice: Option<Notice>,
}

/// Who is told what, in this process.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(RwLock<Arc<[Subscription]>>);

impl Subscribers {
    pub(crate) fn set(&self, subscriptions: Arc<[Subscription]>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = subscriptions;
    }

    pub(crate) fn get(&self) -> Arc<[Subscription]> {
        // It is replaced whole.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}
