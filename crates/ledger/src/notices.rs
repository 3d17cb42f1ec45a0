//! Notices that a store holds: what is to be told to which endpoint, how each
//! endpoint is, and which alarms are raised.
//!
//! What concerns a distribution is put there by the commit that changes it, for the
//! endpoints that were named by [`Notices::subscribe`]: so nothing is lost and
//! nothing is told that did not happen. An alarm and its notice are kept together.
//! A notice is kept once for each endpoint, however often it is made.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use fanfare_core::ids::Incarnation;
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, Subscription};
use jiff::{SignedDuration, Timestamp};

use crate::store::StoreError;

/// What no node has named for so long, no node has configured any more; many times
/// as long as between two namings.
pub const SILENT: SignedDuration = SignedDuration::from_mins(5);

/// An endpoint that no node has named for so long is forgotten. Much longer than a
/// change from one configuration to another takes, node by node, and than a node
/// that knows it is away.
pub const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

/// So many notices are forgotten at once; commits go on in between.
pub(crate) const FORGET_AT_ONCE: u64 = 1000;

/// The notices that a store holds.
#[async_trait]
pub trait Notices: Send + Sync + 'static {
    /// Who is told what is committed from now on, by this process.
    fn subscribe(&self, subscriptions: Arc<[Subscription]>);

    /// Which endpoints there are for this process, which begins, each with a
    /// fingerprint of its configuration. One whose fingerprint has changed begins
    /// anew: it is told again if it was disabled, and at once. One that is not
    /// among them is forgotten with all that it was to be told, where nobody but
    /// this process can know it; else by [`Notices::forget_endpoints`].
    async fn configure_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError>;

    /// They still are, for this process. One that is not there any more is there
    /// again; one that another node has configured otherwise stays so, as long as
    /// a node names it so ([`SILENT`]).
    async fn name_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError>;

    /// Forgets those that nobody has named for long ([`FORGOTTEN`]), with all that
    /// they were to be told, and alarms that nobody can be told of. Says which.
    async fn forget_endpoints(&self, now: Timestamp) -> Result<Vec<String>, StoreError>;

    /// The endpoints, by name.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError>;

    /// How the endpoint is, and whether it is to be told something by now; `None`
    /// where there is none.
    async fn look_at_endpoint(&self, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, StoreError>;

    /// Takes the endpoint for this holder until then, and says how it is; `None`
    /// where another life has it, it is configured otherwise, or there is none.
    async fn hold_endpoint(
        &self,
        holder: &Holder,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError>;

    /// Others may take it.
    async fn release_endpoint(&self, holder: &Holder) -> Result<(), StoreError>;

    /// A person says that it is to be told again, now; `false` where there is none.
    async fn enable_endpoint(&self, name: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// What it is to be told by now: what is due longest first.
    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError>;

    /// Keeps what came of sending one, unless nothing more was to be done for it,
    /// and how the endpoint is since then, where the holder still has it.
    async fn note_sending(&self, holder: &Holder, noted: &Noted) -> Result<(), StoreError>;

    /// Something is as the notice says: it is told, unless it was so before; when
    /// again is said by [`Alarm`](fanfare_core::notice::alarm::Alarm). Says whether it
    /// is told.
    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError>;

    /// Nobody has seen it so since that time: the alarm is over, and the notice is
    /// told, where there is one. Says whether an alarm was there that is over.
    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError>;

    /// Forgets some notices that were made before that time, told or not: nothing
    /// where none is left.
    async fn forget_notices(&self, made_before: Timestamp) -> Result<Forgotten, StoreError>;
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

/// An endpoint, before anything is sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointLook {
    /// How it is.
    pub health: EndpointHealth,
    /// How it is configured.
    pub fingerprint: String,
    /// It is to be told something by now.
    pub is_due: bool,
}

impl EndpointLook {
    /// Where there is no other life: how it is, if it is the holder's own.
    pub(crate) fn held_by(self, holder: &Holder) -> Option<EndpointHealth> {
        (self.fingerprint == holder.fingerprint).then_some(self.health)
    }
}

/// Who sends to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which endpoint.
    pub endpoint: String,
    /// How it is configured there.
    pub fingerprint: String,
    /// In which life.
    pub token: Incarnation,
}

/// Notices that were forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many.
    pub count: u64,
    /// How many of them an endpoint was still to be told, by its name.
    pub untold: BTreeMap<String, u64>,
}

impl Forgotten {
    /// One more, or some, of that endpoint.
    pub(crate) fn add(&mut self, endpoint: &str, count: u64, untold: u64) {
        self.count += count;
        if untold > 0 {
            *self.untold.entry(endpoint.to_owned()).or_default() += untold;
        }
    }
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

/// When something is done about a notice, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeTimes {
    /// When it is sent next; `None` where nothing more is to be done.
    pub(crate) due: Option<Timestamp>,
    pub(crate) delivered: Option<Timestamp>,
    pub(crate) given_up: Option<Timestamp>,
}

impl Noted {
    /// What is kept of its fate.
    pub(crate) fn times(&self) -> NoticeTimes {
        let mut times = NoticeTimes {
            due: None,
            delivered: None,
            given_up: None,
        };
        match self.fate {
            NoticeFate::Delivered => times.delivered = Some(self.at),
            NoticeFate::Later(at) => times.due = Some(at),
            NoticeFate::GivenUp => times.given_up = Some(self.at),
        }
        times
    }
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
