//! Notices, in memory. One process has them, so it has every endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fanfare_core::ids::EventId;
use fanfare_core::notice::alarm::Alarm;
use fanfare_core::notice::sending::EndpointHealth;
use fanfare_core::notice::{Notice, Subscription, to_tell, wanting};
use fanfare_core::write::Record;
use jiff::Timestamp;

use super::{Memory, MemoryStore};
use crate::notices::{DueNotice, Endpoint, EndpointLook, Forgotten, Holder, Noted, Notices, Subscribers};
use crate::store::StoreError;

/// What is kept of notices.
#[derive(Debug, Clone, Default)]
pub(super) struct NoticeBook {
    subscribers: Arc<Subscribers>,
    endpoints: BTreeMap<String, (String, EndpointHealth)>,
    notices: BTreeMap<u64, Kept>,
    last: u64,
    alarms: BTreeMap<String, Alarm>,
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
        let subscriptions = self.notices.subscribers.get();
        for (endpoint, notice) in to_tell(&subscriptions, event, record) {
            self.notices.keep(endpoint, &notice);
        }
    }
}

impl NoticeBook {
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
        let subscriptions = self.subscribers.get();
        for endpoint in wanting(&subscriptions, notice) {
            self.keep(endpoint, notice);
        }
    }

    /// What waits for its next time is sent now.
    fn make_due(&mut self, endpoint: &str, now: Timestamp) {
        let own = self.notices.values_mut().filter(|kept| kept.endpoint == endpoint);
        for kept in own {
            kept.due_at = kept.due_at.map(|due_at| due_at.min(now));
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
        self.lock().notices.subscribers.set(subscriptions);
    }

    async fn configure_endpoints(&self, endpoints: &[(String, String)], now: Timestamp) -> Result<(), StoreError> {
        let book = &mut self.lock().notices;
        let is_named = |name: &str| endpoints.iter().any(|(own, _)| own == name);
        book.endpoints.retain(|name, _| is_named(name));
        book.notices.retain(|_, kept| is_named(&kept.endpoint));
        if endpoints.is_empty() {
            // Nobody can be told of them, so nobody would see that they are over.
            book.alarms.clear();
        }
        for (name, fingerprint) in endpoints {
            let entry = book.endpoints.entry(name.clone()).or_default();
            if entry.0 != *fingerprint {
                *entry = (fingerprint.clone(), EndpointHealth::default());
                book.make_due(name, now);
            }
        }
        Ok(())
    }

    /// Nobody else alters them.
    async fn name_endpoints(&self, _endpoints: &[(String, String)], _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    /// They were when this process began.
    async fn forget_endpoints(&self, _now: Timestamp) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let book = &self.lock().notices;
        let endpoint = |(name, (_, health)): (&String, &(String, EndpointHealth))| Endpoint {
            name: name.clone(),
            health: health.clone(),
            pending: book.pending(name).count() as u64,
            oldest: book.pending(name).map(|(_, kept, _)| kept.notice.at).min(),
        };
        Ok(book.endpoints.iter().map(endpoint).collect())
    }

    async fn look_at_endpoint(&self, name: &str, now: Timestamp) -> Result<Option<EndpointLook>, StoreError> {
        let book = &self.lock().notices;
        let look = |(fingerprint, health): &(String, EndpointHealth)| EndpointLook {
            health: health.clone(),
            fingerprint: fingerprint.clone(),
            is_due: book.pending(name).any(|(_, _, due_at)| due_at <= now),
        };
        Ok(book.endpoints.get(name).map(look))
    }

    /// There is no other life.
    async fn hold_endpoint(
        &self,
        holder: &Holder,
        now: Timestamp,
        _until: Timestamp,
    ) -> Result<Option<EndpointHealth>, StoreError> {
        let look = self.look_at_endpoint(&holder.endpoint, now).await?;
        Ok(look.and_then(|look| look.held_by(holder)))
    }

    async fn release_endpoint(&self, _holder: &Holder) -> Result<(), StoreError> {
        Ok(())
    }

    async fn enable_endpoint(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let book = &mut self.lock().notices;
        let Some((_, health)) = book.endpoints.get_mut(name) else {
            return Ok(false);
        };
        *health = EndpointHealth::default();
        book.make_due(name, now);
        Ok(true)
    }

    async fn due_notices(&self, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<DueNotice>, StoreError> {
        let book = &self.lock().notices;
        let mut due: Vec<_> = book.pending(endpoint).filter(|(_, _, due_at)| *due_at <= now).collect();
        due.sort_by_key(|(position, _, due_at)| (*due_at, *position));
        let notice = |(position, kept, _): (u64, &Kept, Timestamp)| DueNotice {
            position,
            attempts: kept.attempts,
            notice: kept.notice.clone(),
        };
        Ok(due.into_iter().take(limit).map(notice).collect())
    }

    async fn note_sending(&self, holder: &Holder, noted: &Noted) -> Result<(), StoreError> {
        let book = &mut self.lock().notices;
        let kept = book.notices.get_mut(&noted.position);
        if let Some(kept) = kept.filter(|kept| kept.due_at.is_some()) {
            kept.attempts = noted.attempts;
            kept.due_at = noted.times().due;
        }
        let endpoint = book.endpoints.get_mut(&holder.endpoint);
        if let Some((_, health)) = endpoint.filter(|(print, _)| *print == holder.fingerprint) {
            *health = noted.health.clone();
            if let Some(notice) = &noted.notice {
                book.tell(notice);
            }
        }
        Ok(())
    }

    async fn raise_alarm(&self, key: &str, level: u64, notice: &Notice) -> Result<bool, StoreError> {
        let book = &mut self.lock().notices;
        let (now, is_told) = Alarm::seen(book.alarms.get(key).copied(), level, notice.at);
        book.alarms.insert(key.to_owned(), now);
        if is_told {
            book.tell(notice);
        }
        Ok(is_told)
    }

    async fn clear_alarm(
        &self,
        key: &str,
        unseen_since: Timestamp,
        notice: Option<&Notice>,
    ) -> Result<bool, StoreError> {
        let book = &mut self.lock().notices;
        let alarm = book.alarms.get(key);
        let is_over = alarm.is_some_and(|alarm| alarm.seen_at <= unseen_since);
        if is_over {
            book.alarms.remove(key);
            if let Some(notice) = notice {
                book.tell(notice);
            }
        }
        Ok(is_over)
    }

    async fn forget_notices(&self, made_before: Timestamp) -> Result<Forgotten, StoreError> {
        let notices = &mut self.lock().notices.notices;
        let mut forgotten = Forgotten::default();
        notices.retain(|_, kept| {
            let stays = kept.notice.at >= made_before;
            if !stays {
                forgotten.add(&kept.endpoint, 1, u64::from(kept.due_at.is_some()));
            }
            stays
        });
        Ok(forgotten)
    }
}
