//! What 지니TV and 링고비즈 have beyond what every channel has: a review that
//! takes its time and may end with a no, and lines that are not anybody's.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_core::attempt::{LookUpOutcome, StepOutcome};
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::engine::Call;
use serde_json::{Value, json};

use crate::cases::{once, under};
use crate::simulated::Simulated;
use crate::{ANY_CHANNEL, GENIE_TV, RINGO_BIZ};

fn declined() -> Value {
    json!({"kind": "declined", "reason": "자막이 너무 작습니다"})
}

#[tokio::test]
async fn a_decline_is_a_failure_with_the_channel_s_reason() {
    let (outcome, effects) = under(GENIE_TV, once("book", &declined())).await;
    let failure = outcome.delivery.failure.unwrap();
    assert_eq!((outcome.delivery.status, effects), (DeliveryStatus::Failed, 0));
    assert_eq!(failure.code, "declined");
    assert_eq!(failure.channel_said.as_deref(), Some("Declined: 자막이 너무 작습니다"));
    assert_eq!(outcome.delivery.attempt, 1, "the same would be declined again");
    assert!(!outcome.delivery.holds_claim);
}

/// Asked for often while it is young, and seldom when it is old.
#[tokio::test]
async fn a_review_may_take_days() {
    let slow = json!({"kind": "slow-review", "seconds": 2 * 86_400});
    let (outcome, effects) = under(GENIE_TV, once("book", &slow)).await;
    assert_eq!((outcome.delivery.status, effects), (DeliveryStatus::Success, 1));
    assert!((500..700).contains(&outcome.calls), "{} calls", outcome.calls);
    assert!(
        outcome.commits < 20,
        "waiting is not written: {} commits",
        outcome.commits
    );
}

#[tokio::test]
async fn a_review_that_can_t_be_read_is_waited_for_and_then_doubted() {
    let out_of_order = json!({"kind": "answer", "status": 500});
    let for_a_while = json!([{"step": "status", "times": 40, "fault": out_of_order}]);
    let (outcome, _) = under(GENIE_TV, for_a_while).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    let for_ever = json!([{"step": "status", "fault": out_of_order}]);
    let (outcome, effects) = under(GENIE_TV, for_ever).await;
    assert_eq!((outcome.delivery.status, effects), (DeliveryStatus::NeedsReview, 1));
    // It was in doubt already when the channel said no after all.
    let too_long = json!([
        {"step": "status", "forSeconds": 4_200, "fault": out_of_order},
        {"step": "book", "fault": declined()},
    ]);
    let (outcome, effects) = under(GENIE_TV, too_long).await;
    assert_eq!((outcome.delivery.status, effects), (DeliveryStatus::Failed, 0));
    assert_eq!(outcome.delivery.failure.unwrap().code, "declined");
}

/// A review that can't be asked for because we are not let in says nothing of how
/// the channel is: a breaker does not count it.
#[tokio::test]
async fn a_look_at_a_review_that_is_refused_says_why() {
    for (status, code) in [
        (401, "auth_expired"),
        (403, "permission_denied"),
        (429, "rate_limited"),
        (500, "channel_unavailable"),
    ] {
        let simulated = Simulated::start(GENIE_TV).await;
        let slow = json!({"kind": "slow-review", "seconds": 86_400});
        let refused = json!({"kind": "answer", "status": status});
        let rules = json!([{"step": "book", "fault": slow}, {"step": "status", "fault": refused}]);
        simulated.goes_wrong(&rules).await;
        let mut call = simulated.call(1, "default", simulated.now());
        let why = loop {
            match simulated.client().step(&call, simulated.now()).await {
                StepOutcome::Advanced { checkpoint, .. } => call.delivery.checkpoint = Some(checkpoint),
                StepOutcome::PollFailed { why, .. } => break why,
                other => panic!("{status}: {other:?}"),
            }
        };
        assert_eq!(why.code, code, "{status}");
    }
}

/// A partner that has done it and says that it is still at it.
#[tokio::test]
async fn what_exists_is_adopted() {
    for step in ["order", "line", "creative", "assignment", "book"] {
        let busy = once(step, &json!({"kind": "processing-conflict"}));
        let (outcome, _) = under(GENIE_TV, busy).await;
        let delivery = &outcome.delivery;
        assert_eq!(
            (delivery.status, delivery.attempt),
            (DeliveryStatus::Success, 1),
            "{step}"
        );
    }
    let busy = once("replace", &json!({"kind": "processing-conflict"}));
    let (outcome, _) = under(RINGO_BIZ, busy).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
}

/// A reason that a problem names counts at the effecting step, too.
#[tokio::test]
async fn a_refusal_is_told_by_the_reason_that_it_names() {
    for (subject, status, reason, code) in [
        (GENIE_TV, 422, "no_inventory", "no_inventory"),
        (GENIE_TV, 422, "creative_rejected", "media_rejected"),
        (RINGO_BIZ, 404, "line_not_found", "line_not_found"),
        (RINGO_BIZ, 415, "audio_rejected", "media_rejected"),
        (RINGO_BIZ, 403, "line_not_verified", "number_not_verified"),
    ] {
        let answer = json!({
            "kind": "answer", "status": status, "body": {"status": status, "title": "no", "code": reason},
            "headers": {"content-type": "application/problem+json"},
        });
        let (outcome, _) = under(subject, once(subject.effecting, &answer)).await;
        assert_eq!(outcome.delivery.failure.unwrap().code, code, "{reason}");
    }
}

#[tokio::test]
async fn nothing_is_sent_for_a_line_of_somebody_else_s() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let call = simulated.call(1, "cafe-1", simulated.now());
    let outcome = simulated.client().step(&call, simulated.now()).await;
    match outcome {
        StepOutcome::Rejected { failure, .. } => assert_eq!(failure.code, "number_not_verified"),
        other => panic!("{other:?}"),
    }
    assert_eq!(simulated.effects().await, 0);
}

/// When the key is forgotten, the tone says whose it is, or how old.
#[tokio::test]
async fn a_tone_tells_what_became_of_an_attempt() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let client = simulated.client();
    let look = async |client: &Arc<dyn ChannelClient>, call: &Call| client.look_up(call, simulated.now()).await;
    let ours = simulated.call(1, "default", simulated.now());
    let absent = LookUpOutcome::Absent { checkpoint: None };
    assert_eq!(look(&client, &ours).await, absent, "the line has no tone");
    let StepOutcome::Confirmed(receipt) = client.step(&ours, simulated.now()).await else {
        panic!("it was not set");
    };
    assert_eq!(look(&client, &ours).await, LookUpOutcome::Found(receipt));
    simulated.advance(Duration::from_hours(1));
    let later = simulated.call(2, "default", simulated.now());
    assert_eq!(look(&client, &later).await, absent, "what there is, is older");
    let StepOutcome::Confirmed(_) = client.step(&later, simulated.now()).await else {
        panic!("it was not set");
    };
    let unclear = look(&client, &ours).await;
    assert!(
        matches!(unclear, LookUpOutcome::Unknown(_)),
        "it was replaced: {unclear:?}"
    );
    let elsewhere = simulated.client_of(&format!("{}/elsewhere", simulated.base_url()), "token");
    let unclear = look(&elsewhere, &later).await;
    assert!(
        matches!(unclear, LookUpOutcome::Unknown(_)),
        "any 404 proves nothing: {unclear:?}"
    );
}

/// I20: a company's own gateway may say whom it could not reach.
#[tokio::test]
async fn a_number_in_a_gateway_s_words_is_not_kept() {
    for status in [422, 500] {
        let body = json!({"title": "to 010-5555-0107, +82 10 5555 0108 and (010) 5555.0109: refused"});
        let fault = json!({"kind": "answer", "status": status, "body": body});
        let (outcome, _) = under(ANY_CHANNEL, json!([{"step": "create", "fault": fault}])).await;
        let said = outcome
            .delivery
            .failure
            .as_ref()
            .unwrap()
            .channel_said
            .as_ref()
            .unwrap();
        assert!(said.contains("refused"), "{said}");
        assert!(!format!("{:?}", outcome.distribution).contains("5555"), "{said}");
    }
}
