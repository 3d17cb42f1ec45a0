//! Media that are not what another channel of the distribution was given.

use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::delivery::Checkpoint;
use serde_json::json;

use crate::simulated::{Simulated, Subject};
use crate::{INSTAGRAM, INSTAGRAM_CAROUSEL, KAKAO_CHANNEL, META_WEBLOG, RINGO_BIZ};

const SUBJECTS: [(Subject, &str); 3] = [(KAKAO_CHANNEL, "a.jpg"), (META_WEBLOG, "a.jpg"), (RINGO_BIZ, "a.mp3")];

/// What the first step comes to where another channel was given these, and what it notes.
async fn begins(subject: Subject, files: &[(&str, &str)]) -> (Simulated, StepOutcome) {
    let simulated = Simulated::start(subject).await;
    let mut call = simulated.call(1, "default", simulated.now());
    let here = |name: &str| format!("{}/media/{name}", simulated.base_url());
    call.files = files
        .iter()
        .map(|(name, sha256)| (here(name), (*sha256).to_owned()))
        .collect();
    let outcome = simulated.client().step(&call, simulated.now()).await;
    (simulated, outcome)
}

fn kept(outcome: &StepOutcome) -> &Checkpoint {
    match outcome {
        StepOutcome::Advanced { checkpoint, .. } | StepOutcome::Prepared { checkpoint, .. } => checkpoint,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_channel_is_given_is_noted_and_binds_the_others() {
    for (subject, file) in SUBJECTS {
        let (simulated, outcome) = begins(subject, &[]).await;
        let given: Vec<_> = kept(&outcome).files().collect();
        let [(url, sha256)] = given[..] else {
            panic!("{}: {given:?}", subject.name);
        };
        assert_eq!(url, format!("{}/media/{file}", simulated.base_url()));
        assert_eq!(sha256.len(), 64);
        // The same, and nothing known of it.
        for files in [
            &[(file, sha256)][..],
            &[("other.jpg", "00")],
            &[(file, "00"), (file, sha256)],
        ] {
            let (_, outcome) = begins(subject, files).await;
            kept(&outcome);
        }
        let (simulated, outcome) = begins(subject, &[(file, "00")]).await;
        let StepOutcome::Rejected {
            failure,
            retry: Retry::Never,
            ..
        } = outcome
        else {
            panic!("{}: {outcome:?}", subject.name);
        };
        assert_eq!(failure.code, "media_changed", "{}", subject.name);
        let said = failure.channel_said.unwrap();
        assert!(said.contains("sha256 00") && said.contains(sha256), "{said}");
        assert_eq!(simulated.effects().await, 0);
    }
}

/// Meta fetches a picture that needs no fitting itself, a moment later: what that is, only
/// Meta knows. So it binds nobody; but it is bound, before anything is made there.
#[tokio::test]
async fn what_a_channel_fetches_itself_is_bound_and_binds_nobody() {
    for (subject, file) in [(INSTAGRAM, "a.jpg"), (INSTAGRAM_CAROUSEL, "1.jpg")] {
        let (_, outcome) = begins(subject, &[]).await;
        assert_eq!(kept(&outcome).files().count(), 0, "{}", subject.name);
        let (simulated, outcome) = begins(subject, &[(file, "00")]).await;
        assert!(
            matches!(&outcome, StepOutcome::Rejected { failure, .. } if failure.code == "media_changed"),
            "{outcome:?}"
        );
        assert_eq!(simulated.effects().await, 0);
    }
}

#[test]
fn what_was_given_stays_noted_while_anything_is_kept() {
    let at = |stage: &str| Checkpoint(json!({ "stage": stage }));
    let noted = at("a").given("https://a.kr/a.jpg", "0a");
    let delivery = || {
        let id = fanfare_core::ids::DeliveryId(uuid::Uuid::nil());
        let (channel, mode) = (
            fanfare_core::channel::Channel::Instagram,
            fanfare_core::channel::Mode::Live,
        );
        fanfare_core::delivery::Delivery::new(id, channel, mode, jiff::Timestamp::UNIX_EPOCH)
    };
    let mut one = delivery();
    one.stand_at(Some(noted));
    one.stand_at(Some(at("b")));
    let expected = at("b").given("https://a.kr/a.jpg", "0a");
    assert_eq!(one.checkpoint, Some(expected));
    // Anew: what lies there now.
    one.stand_at(Some(at("c").given("https://a.kr/a.jpg", "0b")));
    let files: Vec<_> = one.checkpoint.iter().flat_map(Checkpoint::files).collect();
    assert_eq!(files, [("https://a.kr/a.jpg", "0b")]);
    one.stand_at(None);
    assert_eq!(one.checkpoint, None);
}
