//! What lies at the addresses of pictures and sounds when a request is accepted of which
//! something is sent later: noted with it, so that what is sent then is what was approved.
//! What can't be had in time is not noted, and refuses nothing: it may be put there later.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_channels::media::LOOK_AHEAD_WITHIN;
use fanfare_core::advertising::Night;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::TenantId;
use fanfare_core::request::CanonicalRequest;
use fanfare_core::validate::Admitted;
use fanfare_ledger::StoreError;
use futures_util::future::join_all;
use jiff::Timestamp;

use super::state::Api;

/// The live channels that a request is sent to later than it is accepted.
pub(super) struct LookAhead(Vec<Channel>);

impl LookAhead {
    /// `modes` says how each channel is called, by [`Channel::index`].
    pub(super) fn of(admitted: &Admitted, modes: [Mode; Channel::ALL.len()], now: Timestamp) -> Self {
        let request = &admitted.request;
        let is_later = |channel: Channel| match request.scheduled_at {
            Some(at) => at > now,
            None => channel == Channel::KakaoChannel && Night::KAKAO.over_at(now).is_some(),
        };
        let is_skipped = |channel| admitted.skipped.iter().any(|(skipped, _)| *skipped == channel);
        let live = request.channels.iter().copied();
        let live = live.filter(|channel| modes[channel.index()] == Mode::Live && !is_skipped(*channel));
        Self(live.filter(|channel| is_later(*channel)).collect())
    }

    /// How long it takes at the most.
    pub(super) fn patience(&self) -> Duration {
        if self.0.is_empty() {
            Duration::ZERO
        } else {
            LOOK_AHEAD_WITHIN
        }
    }

    /// Each address of what those channels will be given, and the SHA-256 of what lies there;
    /// nothing for a repeat, which was looked at when it came first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn look(
        &self,
        state: &Api,
        tenant: &TenantId,
        asked: &CanonicalRequest,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        if self.0.is_empty() {
            return Ok(BTreeMap::new());
        }
        let newest = state.store.newest_of_event(tenant, &asked.request.event_id).await?;
        if newest.is_some_and(|newest| is_repeat(asked, &newest.distribution)) {
            return Ok(BTreeMap::new());
        }
        let look = async |channel: &Channel| state.engine.look_ahead(tenant, *channel, &asked.request, now).await;
        let looked = join_all(self.0.iter().map(look)).await;
        Ok(looked.into_iter().flatten().collect())
    }
}

/// One that was called off, or may be repeated, is announced anew by the same words.
fn is_repeat(asked: &CanonicalRequest, known: &Distribution) -> bool {
    let stands = known.deliveries.iter().any(|delivery| delivery.holds_claim);
    stands && !asked.request.allow_repeat && known.request.hash == asked.hash
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_scheduled_and_what_waits_for_the_morning_is_sent_later() {
        let request = |scheduled_at: Option<&str>| {
            let mut body = json!({
                "eventId": "evt-1", "channels": ["Instagram", "KakaoChannel"], "contentUrls": {}, "content": {},
                "channelOptions": {}, "onInvalid": "reject",
            });
            if let Some(at) = scheduled_at {
                body["scheduledAt"] = at.into();
            }
            Admitted {
                request: serde_json::from_value(body).unwrap(),
                skipped: Vec::new(),
            }
        };
        let (noon, night) = (
            "2026-11-28T03:00:00Z".parse().unwrap(),
            "2026-11-28T13:00:00Z".parse().unwrap(),
        );
        let all = [Mode::Live; Channel::ALL.len()];
        let later = |at, now| LookAhead::of(&request(at), all, now).0;
        assert_eq!(later(None, noon), []);
        assert_eq!(later(None, night), [Channel::KakaoChannel]);
        let (today, past) = (Some("2026-11-28T05:00:00Z"), Some("2026-11-28T02:00:00Z"));
        assert_eq!(later(today, noon), [Channel::Instagram, Channel::KakaoChannel]);
        assert_eq!(later(past, noon), [], "its time has come");
        let mut partly = request(today);
        partly.skipped.push((Channel::Instagram, Vec::new()));
        assert_eq!(LookAhead::of(&partly, all, noon).0, [Channel::KakaoChannel]);
        let mocks = [Mode::Mock; Channel::ALL.len()];
        assert_eq!(LookAhead::of(&request(today), mocks, noon).patience(), Duration::ZERO);
    }
}
