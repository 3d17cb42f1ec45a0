//! What 지니TV and 링고비즈 have beyond what every channel has: a review that
//! takes its time and may end with a no, and lines that are not anybody's.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::client::ChannelClient;
use fanfare_core::attempt::{LookUpOutcome, StepOutcome};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use fanfare_core::engine::Call;
use fanfare_core::receipt::Receipt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cases::{memory, once, under};
use crate::driver::Driver;
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

/// The sound is looked at, then the tone is set.
async fn set(simulated: &Simulated, call: &mut Call) -> Receipt {
    looked_at(simulated, call).await;
    match simulated.client().step(call, simulated.now()).await {
        StepOutcome::Confirmed(receipt) => receipt,
        other => panic!("it was not set: {other:?}"),
    }
}

/// The sound alone.
async fn looked_at(simulated: &Simulated, call: &mut Call) {
    match simulated.client().step(call, simulated.now()).await {
        StepOutcome::Prepared {
            checkpoint,
            next_has_effect: true,
        } => call.delivery.checkpoint = Some(checkpoint),
        other => panic!("{other:?}"),
    }
}

/// WAV, silence of so many seconds.
fn wav(seconds: u32) -> Vec<u8> {
    let length = seconds * 8_000;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.resize(bytes.len() + length as usize, 0x80);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[tokio::test]
async fn a_tone_is_set_with_the_hash_of_its_sound_which_stays_in_the_log() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    simulated.put_media("a.mp3", wav(1));
    let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
    let outcome = driver.distribute(simulated.request()).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    let kept = outcome.delivery.checkpoint.unwrap().0;
    assert_eq!(
        (&kept["stage"], &kept["sha256"]),
        (&json!("heard"), &json!(hex(&wav(1))))
    );
    assert_eq!(simulated.made()[0].content["sha256"], hex(&wav(1)));
}

/// Between the look and the channel's own fetch; and that is no reason to doubt.
#[tokio::test]
async fn a_sound_that_changes_before_the_channel_fetches_it_is_refused() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let mut call = simulated.call(1, "default", simulated.now());
    looked_at(&simulated, &mut call).await;
    simulated.put_media("a.mp3", wav(2));
    match simulated.client().step(&call, simulated.now()).await {
        StepOutcome::Rejected { failure, .. } => assert_eq!(failure.code, "media_rejected"),
        other => panic!("{other:?}"),
    }
    assert_eq!(simulated.effects().await, 0);
}

/// Whatever has become of the sound: the key stands for the first request.
#[tokio::test]
async fn a_repeat_in_doubt_says_the_very_same() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let mut call = simulated.call(1, "default", simulated.now());
    let receipt = set(&simulated, &mut call).await;
    simulated.put_media("a.mp3", wav(2));
    call.delivery.phase = Phase::Unknown;
    let again = simulated.client().step(&call, simulated.now()).await;
    assert_eq!(again, StepOutcome::Confirmed(receipt));
    assert_eq!(simulated.effects().await, 1);
}

/// A version before the hash had called, and its answer was lost.
#[tokio::test]
async fn what_an_earlier_version_began_is_repeated_as_it_began_it() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let mut call = simulated.call(1, "default", simulated.now());
    call.delivery.phase = Phase::Unknown;
    let repeated = simulated.client().step(&call, simulated.now()).await;
    assert!(matches!(repeated, StepOutcome::Confirmed(_)), "{repeated:?}");
    assert!(simulated.made()[0].content.get("sha256").is_none());
}

/// It is heard already, and is not what was approved: somebody must listen. Who keeps to
/// the first contract says nothing of it.
#[tokio::test]
async fn a_tone_that_is_said_to_be_another_sound_is_left_to_a_person() {
    let tone = json!({"updateTimestamp": "2026-11-24T10:00:00+09:00"});
    let with = |sha256: Value| {
        let mut tone = tone.clone();
        tone["sha256"] = sha256;
        json!({"kind": "answer", "status": 200, "body": tone})
    };
    let ours = include_bytes!("../../../simulator/src/channels/silence.mp3");
    for (fault, status) in [
        (
            json!({"kind": "answer", "status": 200, "body": tone}),
            DeliveryStatus::Success,
        ),
        (with(Value::Null), DeliveryStatus::Success),
        (with(hex(ours).to_uppercase().into()), DeliveryStatus::Success),
        (with("0".repeat(64).into()), DeliveryStatus::NeedsReview),
    ] {
        let simulated = Simulated::start(RINGO_BIZ).await;
        simulated
            .goes_wrong(&json!([{"step": "replace", "fault": fault}]))
            .await;
        let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
        let outcome = driver.distribute(simulated.request()).await;
        assert_eq!(outcome.delivery.status, status, "{fault}");
        if status == DeliveryStatus::NeedsReview {
            let said = outcome.delivery.failure.unwrap().channel_said.unwrap();
            assert!(said.contains(&"0".repeat(64)) && said.contains(&hex(ours)), "{said}");
        }
    }
}

/// When the key is forgotten, the tone says whose it is, or how old.
#[tokio::test]
async fn a_tone_tells_what_became_of_an_attempt() {
    let simulated = Simulated::start(RINGO_BIZ).await;
    let client = simulated.client();
    let look = async |client: &Arc<dyn ChannelClient>, call: &Call| client.look_up(call, simulated.now()).await;
    let mut ours = simulated.call(1, "default", simulated.now());
    let absent = LookUpOutcome::Absent { checkpoint: None };
    assert_eq!(look(&client, &ours).await, absent, "the line has no tone");
    let receipt = set(&simulated, &mut ours).await;
    assert_eq!(look(&client, &ours).await, LookUpOutcome::Found(receipt));
    simulated.advance(Duration::from_hours(1));
    let mut later = simulated.call(2, "default", simulated.now());
    assert_eq!(look(&client, &later).await, absent, "what there is, is older");
    set(&simulated, &mut later).await;
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
