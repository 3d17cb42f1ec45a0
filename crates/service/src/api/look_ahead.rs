//! What lies at the addresses of pictures and sounds when a request is accepted of which
//! something is sent later: noted with it, so that what is sent then is what was approved.
//! What can't be had in time is not noted, and refuses nothing: it may be put there later.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_core::advertising::Night;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::ids::TenantId;
use fanfare_core::request::DistributeRequest;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::perform::EngineHandle;

/// So long a request waits for each channel's.
const LONGEST: Duration = Duration::from_secs(3);

/// The live channels that a request is sent to later than it is accepted.
pub(super) struct LookAhead(Vec<Channel>);

impl LookAhead {
    /// `modes` says how each channel is called, by [`Channel::index`].
    pub(super) fn of(request: &DistributeRequest, modes: [Mode; Channel::ALL.len()], now: Timestamp) -> Self {
        let is_later = |channel: Channel| match request.scheduled_at {
            Some(at) => at > now,
            None => channel == Channel::KakaoChannel && Night::KAKAO.over_at(now).is_some(),
        };
        let live = request.channels.iter().copied();
        let live = live.filter(|channel| modes[channel.index()] == Mode::Live);
        Self(live.filter(|channel| is_later(*channel)).collect())
    }

    /// How long it takes at the most.
    pub(super) fn patience(&self) -> Duration {
        if self.0.is_empty() { Duration::ZERO } else { LONGEST }
    }

    /// Each address of what those channels will be given, and the SHA-256 of what lies there.
    pub(super) async fn look(
        &self,
        engine: &EngineHandle,
        tenant: &TenantId,
        request: &DistributeRequest,
        now: Timestamp,
    ) -> BTreeMap<String, String> {
        let look = async |channel: &Channel| {
            let looked = tokio::time::timeout(LONGEST, engine.look_ahead(tenant, *channel, request, now));
            looked.await.unwrap_or_default()
        };
        join_all(self.0.iter().map(look)).await.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_scheduled_and_what_waits_for_the_morning_is_sent_later() {
        let request = |scheduled_at: Option<&str>| -> DistributeRequest {
            let mut body = json!({
                "eventId": "evt-1", "channels": ["Instagram", "KakaoChannel"], "contentUrls": {}, "content": {},
                "channelOptions": {}, "onInvalid": "reject",
            });
            if let Some(at) = scheduled_at {
                body["scheduledAt"] = at.into();
            }
            serde_json::from_value(body).unwrap()
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
        let mocks = [Mode::Mock; Channel::ALL.len()];
        assert_eq!(LookAhead::of(&request(today), mocks, noon).patience(), Duration::ZERO);
    }
}
