//! What a Reel does beside what every client must: Meta takes its time with films.

use std::time::Duration;

use fanfare_core::delivery::DeliveryStatus;
use serde_json::{Value, json};

use crate::cases::{is_true, memory};
use crate::driver::{Driver, Outcome};
use crate::simulated::{Simulated, Subject};
use crate::{INSTAGRAM, INSTAGRAM_REEL};

async fn distribute(subject: Subject, faults: &Value) -> (Simulated, Outcome) {
    let simulated = Simulated::start(subject).await;
    simulated.goes_wrong(faults).await;
    let driver = Driver::new(&simulated, simulated.client(), memory(), None).await;
    let outcome = driver.distribute(simulated.request()).await;
    simulated.advance(Duration::from_mins(5));
    is_true(&outcome, simulated.effects().await);
    (simulated, outcome)
}

/// Its container takes so long, once.
fn slow(minutes: u64) -> Value {
    json!([{"step": "create", "times": 1, "fault": {"kind": "slow-container", "seconds": minutes * 60}}])
}

#[tokio::test]
async fn it_shows_its_film() {
    let (simulated, _) = distribute(INSTAGRAM_REEL, &json!([])).await;
    let film = format!("{}/media/a.mp4", simulated.base_url());
    assert_eq!(
        simulated.made()[0].content,
        json!({"videoUrl": film, "caption": "여는 날 10% 할인 #빵집"})
    );
}

/// And both are looked at less and less often.
#[tokio::test]
async fn a_film_is_waited_for_longer_than_a_picture() {
    for (subject, minutes, attempts) in [
        (INSTAGRAM, 4, 1),
        (INSTAGRAM, 6, 2),
        (INSTAGRAM_REEL, 6, 1),
        (INSTAGRAM_REEL, 29, 1),
        (INSTAGRAM_REEL, 32, 2),
    ] {
        let (simulated, outcome) = distribute(subject, &slow(minutes)).await;
        let delivery = &outcome.delivery;
        assert_eq!(
            (delivery.status, delivery.attempt),
            (DeliveryStatus::Success, attempts),
            "{minutes} minutes"
        );
        let looks = simulated.done("status").await;
        match minutes {
            29 => assert!((25..60).contains(&looks), "{looks} looks in half an hour"),
            4 => assert!((10..=20).contains(&looks), "{looks} looks in four minutes"),
            _ => {}
        }
    }
}

/// What Meta says of a film that it has fetched ends it, or is tried again.
#[tokio::test]
async fn a_film_that_meta_refuses_is_told_and_not_repeated() {
    for (subcode, code, attempts) in [
        (2_207_026, "media_rejected", 1),
        (2_207_052, "media_rejected", 3),
        (2_207_003, "media_unavailable", 5),
        (2_207_051, "account_restricted", 1),
        (2_207_023, "content_rejected", 1),
    ] {
        let refused = json!([{"step": "create", "fault": {"kind": "container-error", "subcode": subcode}}]);
        let (_, outcome) = distribute(INSTAGRAM_REEL, &refused).await;
        let delivery = &outcome.delivery;
        let told = delivery.failure.as_ref().unwrap();
        assert_eq!(
            (delivery.status, &*told.code, delivery.attempt),
            (DeliveryStatus::Failed, code, attempts),
            "{subcode}"
        );
    }
}
