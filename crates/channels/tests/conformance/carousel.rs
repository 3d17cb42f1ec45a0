//! What Instagram's carousel does beside what every client must: its pictures'
//! containers are counted, since an account has 400 a day.

use std::time::Duration;

use fanfare_core::attempt::{LookUpOutcome, StepOutcome};
use fanfare_core::delivery::{DeliveryStatus, Phase};
use serde_json::{Value, json};

use crate::INSTAGRAM_CAROUSEL;
use crate::cases::{is_true, memory};
use crate::driver::{Death, Driver, Outcome, Point};
use crate::simulated::Simulated;

/// Pictures of the one that is posted here.
const PICTURES: usize = 3;

async fn distribute(faults: &Value, death: Option<Death>) -> (Simulated, Outcome) {
    let simulated = Simulated::start(INSTAGRAM_CAROUSEL).await;
    simulated.goes_wrong(faults).await;
    let driver = Driver::new(&simulated, simulated.client(), memory(), death).await;
    let outcome = driver.distribute(simulated.request()).await;
    simulated.advance(Duration::from_mins(5));
    is_true(&outcome, simulated.effects().await);
    (simulated, outcome)
}

#[tokio::test]
async fn it_shows_its_pictures_in_their_order() {
    let (simulated, _) = distribute(&json!([]), None).await;
    let made = simulated.made();
    let url = |name: &str| format!("{}/media/{name}.jpg", simulated.base_url());
    assert_eq!(made[0].content["imageUrls"], json!([url("1"), url("2"), url("3")]));
    assert_eq!(made[0].content["caption"], "여는 날 10% 할인 #빵집");
    assert_eq!(
        (simulated.done("child").await, simulated.done("carousel").await),
        (PICTURES, 1)
    );
}

/// A crash between any two steps costs at most the container whose id nobody kept.
#[tokio::test]
async fn a_death_costs_one_container_at_most() {
    let (_, calm) = distribute(&json!([]), None).await;
    let commits = (1..=calm.commits).map(|number| (Point::Commit, number));
    let calls = (1..=calm.calls).map(|number| (Point::Call, number));
    let mut costly = 0;
    for (at, number) in commits.chain(calls) {
        for done in [false, true] {
            let death = Death { at, number, done };
            let (simulated, outcome) = distribute(&json!([]), Some(death)).await;
            assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{death:?}");
            let (children, carousels) = (simulated.done("child").await, simulated.done("carousel").await);
            let more = children + carousels - PICTURES - 1;
            assert!(more <= 1, "{death:?}: {children} children, {carousels} carousels");
            costly += more;
        }
    }
    assert!(costly > 0, "some deaths lose an id");
}

/// What fails and passes leaves the containers that there are.
#[tokio::test]
async fn a_fault_makes_no_container_anew_that_is_there() {
    let dropped = json!({"kind": "drop-before"});
    let answer = |status: u16, body: Value| json!({"kind": "answer", "status": status, "body": body});
    let throttle = json!({"kind": "throttle", "minutes": 20});
    let capped = answer(
        400,
        json!({"error": {"code": 9, "error_subcode": 2_207_042, "message": "cap"}}),
    );
    for step in ["child", "status", "carousel"] {
        for fault in [&dropped, &answer(500, Value::Null), &throttle, &capped] {
            let rules = json!([{"channel": "instagram", "step": step, "after": 1, "times": 1, "fault": fault}]);
            let rules = if step == "carousel" {
                json!([{"channel": "instagram", "step": step, "times": 1, "fault": fault}])
            } else {
                rules
            };
            let (simulated, outcome) = distribute(&rules, None).await;
            assert!(simulated.went_wrong().await, "{step} {fault}");
            assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{step} {fault}");
            let made = (simulated.done("child").await, simulated.done("carousel").await);
            assert_eq!(made, (PICTURES, 1), "{step} {fault}");
        }
    }
}

/// None of them was published: all are made anew, once.
#[tokio::test]
async fn a_container_that_is_of_no_more_use_makes_a_new_set() {
    for (step, after) in [("child", 0), ("child", 2), ("carousel", 0)] {
        for fault in [
            json!({"kind": "container-expired"}),
            json!({"kind": "container-error", "subcode": 2_207_032}),
            json!({"kind": "slow-container", "seconds": 400}),
        ] {
            let rules = json!([{"step": step, "after": after, "times": 1, "fault": fault}]);
            let (simulated, outcome) = distribute(&rules, None).await;
            assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{step} {fault}");
            assert_eq!(outcome.delivery.attempt, 2, "{step} {fault}");
            assert_eq!(simulated.done("child").await, 2 * PICTURES, "{step} {fault}");
        }
    }
}

#[tokio::test]
async fn it_waits_for_the_slowest_picture() {
    let slow = json!([{"step": "child", "after": 1, "times": 1, "fault": {"kind": "slow-container", "seconds": 40}}]);
    let (simulated, outcome) = distribute(&slow, None).await;
    assert_eq!(
        (outcome.delivery.status, outcome.delivery.attempt),
        (DeliveryStatus::Success, 1)
    );
    assert_eq!(
        (simulated.done("child").await, simulated.done("carousel").await),
        (PICTURES, 1)
    );
}

/// Meta asks for a look a minute: what was seen to be ready is not looked at again, and
/// what takes long less and less often.
#[tokio::test]
async fn a_picture_that_is_ready_is_not_asked_for_again() {
    let slow = json!([{"step": "child", "after": 1, "times": 1, "fault": {"kind": "slow-container", "seconds": 240}}]);
    let (simulated, outcome) = distribute(&slow, None).await;
    assert_eq!(outcome.delivery.attempt, 1);
    let looks = simulated.asked_for("status").await;
    // All twice, the slow one some sixteen times, the carousel itself twice.
    assert!((15..=28).contains(&looks), "{looks} looks");
}

/// What is ready is kept: the account is left alone, and goes on where it stood.
#[tokio::test]
async fn an_allowance_that_is_used_up_while_pictures_are_fetched_is_left_to_recover() {
    let usage = json!([{"step": "status", "after": 4, "times": 1, "fault": {"kind": "usage", "percent": 100}}]);
    let (simulated, outcome) = distribute(&usage, None).await;
    let took = outcome
        .delivery
        .updated_at
        .duration_since(outcome.delivery.attempt_started_at.unwrap());
    assert!((300..330).contains(&took.as_secs()), "{took:?}");
    assert_eq!(outcome.delivery.attempt, 1);
    assert_eq!(
        (simulated.done("child").await, simulated.done("carousel").await),
        (PICTURES, 1)
    );
}

/// A picture that Meta refuses ends it, whichever it is.
#[tokio::test]
async fn a_picture_that_meta_refuses_is_no_reason_to_try_again() {
    let refused = json!({"kind": "container-error", "subcode": 2_207_009});
    let (simulated, outcome) = distribute(
        &json!([{"step": "child", "after": 1, "times": 1, "fault": refused}]),
        None,
    )
    .await;
    let delivery = &outcome.delivery;
    assert_eq!((delivery.status, delivery.attempt), (DeliveryStatus::Failed, 1));
    assert_eq!(delivery.failure.as_ref().unwrap().code, "media_rejected");
    assert_eq!(simulated.done("carousel").await, 0);
}

/// All pictures are looked at before any container is made.
#[tokio::test]
async fn a_picture_that_is_not_there_makes_no_container() {
    let gone = json!({"kind": "answer", "status": 404});
    let rules = json!([{"channel": "media", "step": "file", "after": 2, "fault": gone}]);
    let (simulated, outcome) = distribute(&rules, None).await;
    let failure = outcome.delivery.failure.unwrap();
    assert_eq!(failure.code, "media_rejected");
    assert!(failure.detail.en.starts_with("Picture 3 of 3: "), "{failure:?}");
    assert!(failure.detail.ko.starts_with("이미지 3장 중 3번째: "), "{failure:?}");
    assert_eq!(simulated.done("child").await, 0);
}

/// A server of pictures that is away for a moment leaves what was looked at.
#[tokio::test]
async fn a_picture_that_is_away_is_asked_for_again_and_no_other() {
    let away = json!({"kind": "answer", "status": 503});
    let rules = json!([{"channel": "media", "step": "file", "after": 1, "times": 1, "fault": away}]);
    let (simulated, outcome) = distribute(&rules, None).await;
    assert_eq!(
        (outcome.delivery.status, outcome.delivery.attempt),
        (DeliveryStatus::Success, 2)
    );
    assert_eq!(
        (simulated.done("file").await, simulated.done("child").await),
        (PICTURES, PICTURES)
    );
}

/// A step that was over too late for anybody to hear: nothing was published, and what
/// there is stays.
#[tokio::test]
async fn a_step_in_doubt_goes_on_where_it_stood() {
    let simulated = Simulated::start(INSTAGRAM_CAROUSEL).await;
    let client = simulated.client();
    let mut call = simulated.call(1, "default", simulated.now());
    // The looks, and the first container.
    for step in 0..=PICTURES {
        let outcome = client.step(&call, simulated.now()).await;
        // Meta is asked for the quota before the first look, and for no other.
        let (is_meta_s, checkpoint) = match outcome {
            StepOutcome::Advanced {
                checkpoint,
                next_has_effect: false,
            } => (true, checkpoint),
            StepOutcome::Prepared {
                checkpoint,
                next_has_effect: false,
            } => (false, checkpoint),
            other => panic!("{other:?}"),
        };
        assert_eq!(is_meta_s, step == 0 || step == PICTURES, "step {step}");
        call.delivery.checkpoint = Some(checkpoint);
    }
    assert_eq!(simulated.done("child").await, 1);
    call.delivery.phase = Phase::Unknown;
    let checkpoint = call.delivery.checkpoint.clone();
    let found = client.look_up(&call, simulated.now()).await;
    assert_eq!(found, LookUpOutcome::Absent { checkpoint });
}
