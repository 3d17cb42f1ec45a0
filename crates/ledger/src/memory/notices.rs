//! Notices, in memory. One process has them, so it has every endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::{EventId, Incarnation};
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, Subscription, to_tell};
use fanfare_core::write::Record;
use jiff::Timestamp;

use super::{Memory, MemoryStore};
use crate::notices::{DueNotice, Endpoint, Noted, Notices};
use crate::store::StoreError;

/// What is kept of notices.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    subscriptions: Arc<[Subscription]>,
    endpoints: BTreeMap<String, (String, EndpointHealth)>,
    notices: BTreeMap<u64, Kept>,
    last: u64,
    /// Level, and when it was last seen.
    alarms: BTreeMap<String, (u64, Timestamp)>,
}

#[derive(Debug, Clone)]
struct Kept {
    endpoint: String,
    notice: Notice,
    attempts: u32,
    /// `None` where nothing more is to be done.
    due_at: Option<Timestamp>,
}

impl Memory {
    /// Keeps what is to be told of a record that is written.
    pub(super) fn tell_of(&mut self, event: &EventId, record: &Record) {
        let subscriptions = Arc::clone(&self.told.subscriptions);
        for (endpoint, notice) in to_tell(&subscriptions, event, record) {
            self.told.keep(endpoint, &notice);
        }
    }
}

impl Told {
    fn keep(&mut self, endpoint: &str, notice: &Notice) {
        let mut known = self.notices.values();
        if known.any(|kept| kept.endpoint == endpoint && kept.notice.id == notice.id) {
            return;
        }
        let kept = Kept {
            endpoint: endpoint.to_owned(),
            notice: notice.clone(),
            attempts: 0,
            due_at: Some(notice.at),
        };
        self.last += 1;
        self.notices.insert(self.last, kept);
    }

    fn tell(&mut self, notice: &Notice) {
        let subscriptions = Arc::clone(&self.subscriptions);
        for one in subscriptions.iter().filter(|one| one.wants(notice)) {
            self.keep(&one.endpoint, notice);
        }
    }

    fn pending<'s>(&'s self, endpoint: &'s str) -> impl Iterator<Item = (u64, &'s Kept, Timestamp)> {
        let own = self.notices.iter().filter(move |(_, kept)| kept.endpoint == endpoint);
        own.filter_map(|(position, kept)| Some((*position, kept, kept.due_at?)))
    }
}

#[async_trait]
impl Notices for MemoryStore {
    fn subscribe(&self, subscriptions: Arc<[Subscription]>) {
        self.lock().told.subscriptions = subscriptions;
    }

    async fn configure_endpoints(&self, endpoints: &[(String, String)]) -> Result<(), StoreError> {
        let told = &mut self.lock().told;
        let is_named = |name: &str| endpoints.iter().any(|(own, _)| own == name);
        told.endpoints.retain(|name, _| is_named(name));
        told.notices.retain(|_, kept| is_named(&kept.endpoint));
        for (name, fingerprint) in endpoints {
            let entry = told.endpoints.entry(name.clone()).or_default();
            if entry.0 != *fingerprint {
                *entry = (fingerprint.clone(), EndpointHealth::default());
            }
        }
        Ok(())
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let told = &self.lock().told;
        let endpoint = |(name, (_, health)): (&String, &(String, EndpointHealth))| Endpoint {
            name: name.clone(),
            health: health.clone(),
            pending: told.pending(name).count() as u64,
            oldest: told.pending(name).map(|(_, kept, _)| kept.notice.at).min(),
        };
        Ok(told.endpoints.iter().map(endpoint).collect())
    }

    async fn hold_endpoint(
        &self,
        name: &str,
        _token: Incarnation,
        _now: Timestamp,
        _until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let memory = self.lock();
        Ok(memory.told.endpoints.get(name).map(|(_, health)| health.clone()))
    }

    async fn release_endpoint(&self, _name: &str, _token: Incarnation) -> Result<(), StoreError> {
        Ok(())
    }

    async fn enable_endpoint(&self, name: &str) -> Result<bool, StoreError> {
        let mut memory = self.lock();
        let known = memory.told.endpoints.get_mut(name);
        let is_known = known.is_some();
        if let Some((_, health)) = known {
            *health = EndpointHealth::default();
        }
        Ok(is_known)
    }

    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        let told = &self.lock().told;
        let mut due: Vec<_> = told.pending(endpoint).filter(|(_, _, due_at)| *due_at <= now).collect();
        due.sort_by_key(|(position, _, due_at)| (*due_at, *position));
        let notice = |(position, kept, _): (u64, &Kept, Timestamp)| DueNotice {
            position,
            attempts: kept.attempts,
            notice: kept.notice.clone(),
        };
        Ok(due.into_iter().take(limit).map(notice).collect())
    }

    async fn note_sending(&self, endpoint: &str, noted: &Noted) -> Result<(), StoreError> {
        let told = &mut self.lock().told;
        if let Some(kept) = told.notices.get_mut(&noted.position) {
            kept.attempts = noted.attempts;
            kept.due_at = match noted.fate {
                NoticeFate::Later(at) => Some(at),
                NoticeFate::Delivered | NoticeFate::GivenUp => None,
            };
        }
        if let Some((_, health)) = told.endpoints.get_mut(endpoint) {
            *health = noted.health.clone();
        }
        if let Some(notice) = &noted.notice {
            told.tell(notice);
        }
        Ok(())
    }

    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError> {
        let told = &mut self.lock().told;
        let before = told.alarms.get(key).copied();
        let is_told = before.is_none_or(|(before, _)| level > before);
        let (highest, _) = before.unwrap_or_default();
        told.alarms.insert(key.to_owned(), (level.max(highest), notice.at));
        if is_told {
            told.tell(notice);
        }
        Ok(is_told)
    }

    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError> {
        let told = &mut self.lock().told;
        let is_over = told
            .alarms
            .get(key)
            .is_some_and(|(_, seen_at)| *seen_at <= unseen_since);
        if is_over {
            told.alarms.remove(key);
            if let Some(notice) = notice {
                told.tell(notice);
            }
        }
        Ok(is_over)
    }

    async fn forget_notices(&self, made_before: Timestamp) -> Result<u64, StoreError> {
        let notices = &mut self.lock().told.notices;
        let before = notices.len();
        notices.retain(|_, kept| kept.notice.at >= made_before);
        Ok((before - notices.len()) as u64)
    }
}
