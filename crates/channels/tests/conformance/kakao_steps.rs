//! Kakao Channel's client, one step after another: what holds a request back in the
//! midst of a list, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::kakao_channel::recipients::{Recipient, Recipients, RecipientsError};
use fanfare_core::attempt::{LookUpOutcome, Retry, StepOutcome};
use fanfare_core::engine::Call;
use fanfare_core::ids::TenantId;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cases::once;
use crate::kakao::{Friends, MANY, client_for, friends, refusal, sent};
use crate::simulated::{Simulated, Subject};

/// A delivery of which the client runs one step after another.
pub(crate) struct Walk {
    pub(crate) simulated: Simulated,
    pub(crate) client: Arc<dyn ChannelClient>,
    pub(crate) call: Call,
}

impl Walk {
    /// To a list of three requests.
    pub(crate) async fn start_at(now: &str) -> Self {
        Self::start_with(now, MANY).await
    }

    pub(crate) async fn start_with(now: &str, subject: Subject) -> Self {
        let simulated = Simulated::start_at(subject, now.parse().unwrap()).await;
        let call = simulated.call(1, "default", simulated.now());
        Self {
            client: simulated.client(),
            simulated,
            call,
        }
    }

    pub(crate) async fn step(&mut self) -> StepOutcome {
        let outcome = self.client.step(&self.call, self.simulated.now()).await;
        if let StepOutcome::Advanced { checkpoint, .. } | StepOutcome::Prepared { checkpoint, .. } = &outcome {
            self.call.delivery.checkpoint = Some(checkpoint.clone());
        }
        outcome
    }

    /// So many steps that go on.
    pub(crate) async fn goes_on(&mut self, steps: u32) {
        for _ in 0..steps {
            let outcome = self.step().await;
            assert!(
                matches!(outcome, StepOutcome::Advanced { .. } | StepOutcome::Prepared { .. }),
                "{outcome:?}"
            );
        }
    }

    /// Looked up until it goes on from there, or may be sent again.
    pub(crate) async fn is_looked_up(&mut self) {
        loop {
            match self.client.look_up(&self.call, self.simulated.now()).await {
                LookUpOutcome::Pending { checkpoint, look_after } => {
                    self.call.delivery.checkpoint = Some(checkpoint);
                    self.simulated.advance(look_after);
                }
                LookUpOutcome::Advanced { checkpoint, .. }
                | LookUpOutcome::Absent {
                    checkpoint: Some(checkpoint),
                } => {
                    self.call.delivery.checkpoint = Some(checkpoint);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// On to the end of the list.
    pub(crate) async fn is_all_sent(&mut self) {
        while self.stands()["stage"] != "results" {
            self.goes_on(1).await;
        }
    }

    pub(crate) fn stands(&self) -> &Value {
        &self.call.delivery.checkpoint.as_ref().unwrap().0
    }
}

/// Steps until the first of several requests was sent: upload, cut, send.
pub(crate) const SENT: u32 = 3;

/// Else a breaker that finds out whether NHN Cloud is well would hear so from our own lists.
#[tokio::test]
async fn choosing_people_is_no_call_of_the_channel() {
    let mut walk = Walk::start_at("2026-11-24T12:00:00+09:00").await;
    let calls = [walk.step().await, walk.step().await, walk.step().await]
        .map(|outcome| matches!(outcome, StepOutcome::Advanced { .. }));
    assert_eq!(calls, [true, false, true], "upload, cut, send");
}

/// How long it is held for the night, in the course of its attempt.
fn held(walk: &Walk, outcome: &StepOutcome) -> Duration {
    let StepOutcome::Held { until, reason } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason.code, "night_hours");
    until.duration_since(walk.simulated.now()).unsigned_abs()
}

/// Nothing is deferred once people have been sent it: who cancels what is deferred
/// believes that it has reached nobody, and its receipt would be lost.
#[tokio::test]
async fn a_night_in_the_midst_is_waited_for_without_letting_go() {
    for steps in [SENT, SENT + 1] {
        let mut walk = Walk::start_at("2026-11-24T20:49:50+09:00").await;
        walk.goes_on(steps).await;
        walk.simulated.advance(Duration::from_secs(10));
        let outcome = walk.step().await;
        assert_eq!(held(&walk, &outcome), Duration::from_mins(670), "{steps}");
        walk.simulated.advance(Duration::from_mins(670));
        // Cut and send, twice.
        walk.goes_on(SENT + 4 - steps).await;
        assert_eq!(sent(&walk.simulated).len(), 23);
    }
    // And where it is night by the channel's clock alone.
    let mut walk = Walk::start_at("2026-11-24T20:00:00+09:00").await;
    walk.goes_on(SENT + 1).await;
    walk.simulated.goes_wrong(&once("send", &refusal(3_022))).await;
    let outcome = walk.step().await;
    assert_eq!(held(&walk, &outcome), Duration::from_hours(12));
    // Where nobody was sent anything, it may be let go.
    for steps in [0, 1, 2] {
        let mut walk = Walk::start_at("2026-11-24T20:49:50+09:00").await;
        walk.goes_on(steps).await;
        walk.simulated.advance(Duration::from_secs(10));
        let outcome = walk.step().await;
        assert!(matches!(outcome, StepOutcome::Deferred { .. }), "{steps}: {outcome:?}");
    }
}

/// Called off in the midst: nobody else is sent it, and who was has been.
#[tokio::test]
async fn what_is_called_off_in_the_midst_is_sent_to_nobody_else() {
    for (steps, night) in [(SENT, false), (SENT + 1, false), (SENT, true)] {
        let mut walk = Walk::start_at("2026-11-24T20:00:00+09:00").await;
        walk.goes_on(steps).await;
        let reached = sent(&walk.simulated).len();
        walk.call.delivery.called_off = true;
        if night {
            walk.simulated.advance(Duration::from_hours(2));
        }
        walk.goes_on(1).await;
        assert_eq!(walk.stands()["stage"], "results");
        assert_eq!(walk.stands()["counts"]["notSent"], 23 - reached, "{steps} {night}");
        walk.simulated.advance(Duration::from_secs(10));
        walk.goes_on(1).await;
        let outcome = walk.step().await;
        assert!(matches!(outcome, StepOutcome::Confirmed(_)), "{outcome:?}");
        assert_eq!(sent(&walk.simulated).len(), reached);
    }
}

/// Called off before anybody was sent it: nobody is.
#[tokio::test]
async fn what_is_called_off_before_it_is_sent_reaches_nobody() {
    for steps in 0..SENT {
        let mut walk = Walk::start_at("2026-11-24T20:00:00+09:00").await;
        walk.goes_on(steps).await;
        walk.call.delivery.called_off = true;
        let StepOutcome::Rejected { failure, retry, .. } = walk.step().await else {
            panic!("after {steps} steps it goes on")
        };
        assert_eq!((&*failure.code, retry), ("cancelled", Retry::Never), "{steps}");
        assert!(sent(&walk.simulated).is_empty(), "{steps}");
    }
}

/// The channel's clock may be behind ours: that it is night there just after ours
/// says that it is over is true for moments, and not until the next day.
#[tokio::test]
async fn a_night_that_just_ended_is_asked_for_again_soon() {
    let soon = Duration::from_mins(1);
    for (now, wait) in [
        ("2026-11-24T08:00:00+09:00", soon),
        ("2026-11-24T08:09:59+09:00", soon),
        ("2026-11-24T08:10:00+09:00", Duration::from_mins(24 * 60 - 10)),
        ("2026-11-24T20:49:59+09:00", Duration::from_secs(40_201)),
    ] {
        let mut walk = Walk::start_at(now).await;
        walk.goes_on(SENT - 1).await;
        walk.simulated.goes_wrong(&once("send", &refusal(3_022))).await;
        let StepOutcome::Deferred { until, reason } = walk.step().await else {
            panic!("nobody was sent it")
        };
        assert_eq!(
            (until, &*reason.code),
            (walk.simulated.now() + wait, "night_hours"),
            "{now}"
        );
        // And in the midst of the list.
        walk.simulated.goes_wrong(&json!([])).await;
        walk.goes_on(2).await;
        walk.simulated.goes_wrong(&once("send", &refusal(3_022))).await;
        let outcome = walk.step().await;
        assert_eq!(held(&walk, &outcome), wait, "{now}");
    }
}

/// Who says that it is night by day, every day, is not believed for ever.
#[tokio::test]
async fn a_night_without_end_is_given_up_after_a_day() {
    let mut walk = Walk::start_at("2026-11-24T10:00:00+09:00").await;
    walk.goes_on(SENT + 1).await;
    let reached = sent(&walk.simulated).len();
    walk.simulated
        .goes_wrong(&json!([{"step": "send", "fault": refusal(3_022)}]))
        .await;
    let outcome = walk.step().await;
    assert_eq!(held(&walk, &outcome), Duration::from_hours(22));
    walk.simulated.advance(Duration::from_hours(23));
    assert!(matches!(walk.step().await, StepOutcome::Held { .. }));
    walk.simulated.advance(Duration::from_hours(1));
    walk.goes_on(1).await;
    assert_eq!(walk.stands()["stage"], "results");
    assert_eq!(walk.stands()["counts"]["notSent"], 23 - reached);
}

/// How long a request in the midst waits after it was refused so.
async fn waits_after(fault: Value) -> Duration {
    let mut walk = Walk::start_at("2026-11-24T10:00:00+09:00").await;
    walk.goes_on(SENT + 1).await;
    walk.simulated.goes_wrong(&once("send", &fault)).await;
    match walk.step().await {
        StepOutcome::PollFailed { poll_after, .. } => poll_after,
        other => panic!("{fault}: {other:?}"),
    }
}

/// Each request of a list, and not the first alone.
#[tokio::test]
async fn in_the_midst_it_waits_as_long_as_it_is_told() {
    let told = |seconds: &str| json!({"kind": "answer", "status": 429, "headers": {"retry-after": seconds}});
    assert_eq!(waits_after(told("600")).await, Duration::from_mins(10));
    // Somebody waits for the end: an hour, at most.
    assert_eq!(waits_after(told("99999999999999999999")).await, Duration::from_hours(1));
    let shortest = Duration::from_secs(5);
    assert_eq!(waits_after(told("1")).await, shortest);
    assert_eq!(waits_after(json!({"kind": "answer", "status": 429})).await, shortest);
    assert_eq!(waits_after(refusal(4_138)).await, Duration::from_hours(1));
}

/// A list that can be read so often, and then no more.
#[derive(Debug)]
struct Fading(Friends, AtomicU32, u32);

/// So many times, in three requests.
fn fading(api: Api, pictures: &str, reads: u32) -> Arc<dyn ChannelClient> {
    let list = Fading(Friends(friends(23)), AtomicU32::new(0), reads);
    client_for(api, pictures, Arc::new(list))
}

#[async_trait]
impl Recipients for Fading {
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError> {
        if self.1.fetch_add(1, Ordering::Relaxed) < self.2 {
            self.0.of(tenant, list).await
        } else {
            Err(RecipientsError::Unreadable)
        }
    }
}

/// A list that can't be read any more is waited for, and not for ever.
#[tokio::test]
async fn a_list_that_is_gone_in_the_midst_is_given_up_after_a_day() {
    const FADING: Subject = Subject {
        client: |api, pictures| fading(api, pictures, SENT),
        ..MANY
    };
    let mut walk = Walk::start_with("2026-11-24T10:00:00+09:00", FADING).await;
    walk.goes_on(SENT).await;
    let since: Timestamp = walk.simulated.now();
    let StepOutcome::PollFailed { why, .. } = walk.step().await else {
        panic!("it is tried again")
    };
    assert_eq!(why.code, "recipient_list_unreadable");
    walk.simulated.advance(Duration::from_hours(24));
    assert_eq!(walk.simulated.now(), since + Duration::from_hours(24));
    walk.goes_on(1).await;
    assert_eq!(walk.stands()["stage"], "results");
}

/// The same where a request in doubt turns out not to have been sent, a day later:
/// what was sent does not wait for a person, because the rest can't be counted.
#[tokio::test]
async fn a_list_that_is_gone_keeps_nobody_from_giving_up_after_a_doubt() {
    const FADING: Subject = Subject {
        client: |api, pictures| fading(api, pictures, SENT + 1),
        ..MANY
    };
    let mut walk = Walk::start_with("2026-11-24T10:00:00+09:00", FADING).await;
    walk.goes_on(SENT + 1).await;
    walk.simulated.advance(Duration::from_hours(24));
    walk.is_looked_up().await;
    assert_eq!(walk.stands()["stage"], "results");
}

/// A list that grows when it has been read so often.
#[derive(Debug)]
struct Growing(AtomicU32, [Friends; 2]);

#[async_trait]
impl Recipients for Growing {
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError> {
        // By the upload and the first cut.
        let grown = self.0.fetch_add(1, Ordering::Relaxed) >= 2;
        self.1[usize::from(grown)].of(tenant, list).await
    }
}

/// Who joins between the cut and the sending is sent it, in a request that is cut
/// anew, and nobody is dropped for them.
#[tokio::test]
async fn a_list_that_grows_before_it_is_sent_is_cut_anew() {
    const GROWING: Subject = Subject {
        client: |api, pictures| {
            let lists = [Friends(friends(23)), Friends(friends(60))];
            client_for(api, pictures, Arc::new(Growing(AtomicU32::new(0), lists)))
        },
        ..MANY
    };
    let mut walk = Walk::start_with("2026-11-24T10:00:00+09:00", GROWING).await;
    walk.goes_on(SENT).await;
    assert_eq!(walk.stands()["stage"], "cutting");
    assert!(sent(&walk.simulated).is_empty(), "of ten places, more want one");
    walk.is_all_sent().await;
    assert_eq!(sent(&walk.simulated).len(), 60);
    assert_eq!(walk.stands()["counts"]["notSent"], 0);
}

/// Earlier versions did not count who was sent it, and drop the count that they don't
/// know: nothing is shown in its place, and in the end it is right.
#[tokio::test]
async fn what_an_earlier_version_wrote_shows_no_counts_and_ends_with_all_of_them() {
    let mut walk = Walk::start_at("2026-11-24T10:00:00+09:00").await;
    walk.goes_on(SENT).await;
    let Some(checkpoint) = &mut walk.call.delivery.checkpoint else {
        panic!("it has begun")
    };
    assert!(checkpoint.recipients().is_some_and(|counts| counts.sent > 0));
    let counts = checkpoint.0["counts"].as_object_mut().unwrap();
    counts.remove("sent");
    counts.remove("capped");
    assert_eq!(checkpoint.recipients(), None);
    walk.goes_on(1).await;
    let shown = walk.call.delivery.checkpoint.as_ref().unwrap().recipients().unwrap();
    assert_eq!(usize::try_from(shown.sent).unwrap(), sent(&walk.simulated).len());
    walk.is_all_sent().await;
    walk.simulated.advance(Duration::from_secs(10));
    walk.goes_on(3).await;
    assert!(matches!(walk.step().await, StepOutcome::Confirmed(_)));
    let counts = walk.call.delivery.checkpoint.as_ref().unwrap().recipients().unwrap();
    assert_eq!((counts.sent, counts.delivered, counts.capped), (23, 23, 0));
}

/// Nobody sees what is uploaded, so that a body that is refused is no doubt: it is
/// the picture, and says nothing of how the channel is.
#[tokio::test]
async fn a_picture_that_is_refused_is_refused_for_good() {
    for (answer, code, retry) in [
        (json!({"status": 400}), "media_rejected", Retry::Never),
        (json!({"status": 413}), "media_rejected", Retry::Never),
        (json!({"status": 415}), "media_rejected", Retry::Never),
        (json!({"status": 422}), "media_rejected", Retry::Never),
        (json!({"status": 500}), "channel_unavailable", Retry::Backoff),
    ] {
        let mut walk = Walk::start_at("2026-11-24T10:00:00+09:00").await;
        let mut fault = answer.clone();
        fault["kind"] = json!("answer");
        walk.simulated.goes_wrong(&once("image", &fault)).await;
        let StepOutcome::Rejected {
            failure, retry: said, ..
        } = walk.step().await
        else {
            panic!("{answer}")
        };
        assert_eq!((&*failure.code, said), (code, retry), "{answer}");
    }
}

/// What can't be asked is told from what is not known yet: the one says that the
/// channel is away, the other that it is well.
#[tokio::test]
async fn results_that_cannot_be_asked_for_are_told_from_those_that_are_not_known() {
    for (fault, step, code) in [
        (json!({"kind": "slow-results", "seconds": 60}), "send", None),
        (
            json!({"kind": "answer", "status": 503}),
            "lookup",
            Some("channel_unavailable"),
        ),
        (json!({"kind": "drop-before"}), "lookup", Some("channel_unavailable")),
        // It is there, and says what is wrong: a breaker does not count that.
        (json!({"kind": "answer", "status": 401}), "lookup", Some("auth_expired")),
        (
            json!({"kind": "answer", "status": 403}),
            "lookup",
            Some("permission_denied"),
        ),
        (json!({"kind": "answer", "status": 429}), "lookup", Some("rate_limited")),
        (refusal(-1_001), "lookup", Some("auth_expired")),
    ] {
        let mut walk = Walk::start_with("2026-11-24T10:00:00+09:00", crate::KAKAO_CHANNEL).await;
        walk.simulated.goes_wrong(&once(step, &fault)).await;
        walk.goes_on(SENT + 1).await;
        match walk.step().await {
            StepOutcome::Pending { .. } => assert_eq!(code, None, "{fault}"),
            StepOutcome::PollFailed { why, .. } => assert_eq!(Some(&*why.code), code, "{fault}"),
            other => panic!("{fault}: {other:?}"),
        }
    }
}
