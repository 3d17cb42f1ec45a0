//! Films for television: looked at before anything is made at the channel, and never
//! the channel's fault.

use std::time::Duration;

use fanfare_channels::gateway::GatewayClient;
use fanfare_channels::media::Spots;
use fanfare_core::attempt::{Retry, StepOutcome};
use fanfare_core::delivery::Phase;
use serde_json::json;
use std::sync::Arc;

use crate::simulated::{Simulated, Subject};
use crate::{GENIE_TV, WOORIDONGNE_TV};

const TELEVISION: [Subject; 2] = [WOORIDONGNE_TV, GENIE_TV];

fn boxed(kind: &[u8], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind, &content].concat()
}

/// So coded, and so long.
fn film(picture: &[u8], sound: &[u8], seconds: u32) -> Vec<u8> {
    let track = |handler: &[u8], entry: &[u8]| {
        let entries = boxed(b"stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1], &boxed(entry, &[&[0; 16]])]);
        let media = boxed(b"minf", &[&boxed(b"stbl", &[&entries])]);
        let handler = boxed(b"hdlr", &[&[0; 8], handler, &[0; 13]]);
        boxed(b"trak", &[&boxed(b"mdia", &[&handler, &media])])
    };
    let (scale, length) = (1_000_u32.to_be_bytes(), (seconds * 1_000).to_be_bytes());
    let head = boxed(b"mvhd", &[&[0; 12], &scale, &length, &[0; 80]]);
    let described = boxed(b"moov", &[&head, &track(b"vide", picture), &track(b"soun", sound)]);
    let first = boxed(b"ftyp", &[b"mp42\0\0\0\0mp42isom"]);
    [first, described, boxed(b"mdat", &[&[0; 64]])].concat()
}

/// What the first step comes to with this film.
async fn shows(subject: Subject, bytes: Vec<u8>) -> (Simulated, StepOutcome) {
    let simulated = Simulated::start(subject).await;
    simulated.put_media("a.mp4", bytes);
    let call = simulated.call(1, "default", simulated.now());
    let outcome = simulated.client().step(&call, simulated.now()).await;
    (simulated, outcome)
}

fn is_taken(outcome: &StepOutcome) -> bool {
    matches!(outcome, StepOutcome::Confirmed(_) | StepOutcome::Advanced { .. })
}

#[tokio::test]
async fn a_film_that_television_can_t_show_is_refused_before_the_channel_hears_of_it() {
    for subject in TELEVISION {
        for (bytes, english, korean) in [
            (
                b"<html>no film</html>".to_vec(),
                "no MP4 or MOV",
                "MP4나 MOV가 아닙니다",
            ),
            (film(b"hvc1", b"mp4a", 15), "coded as hvc1, and only H.264", "hvc1"),
            (film(b"avc1", b"ac-3", 15), "coded as ac-3, and AAC", "ac-3"),
            (
                film(b"avc1", b"mp4a", 4),
                "5 seconds to 60 seconds",
                "5초 이상 60초 이하",
            ),
            (film(b"avc1", b"mp4a", 61), "lasts 61.0 seconds", "61.0초"),
        ] {
            let (simulated, outcome) = shows(subject, bytes).await;
            let StepOutcome::Rejected {
                failure,
                retry: Retry::Never,
                ..
            } = outcome
            else {
                panic!("{english}: {outcome:?}");
            };
            assert_eq!(failure.code, "media_rejected", "{english}");
            let told = failure.detail;
            assert!(told.en.contains(english) && told.ko.contains(korean), "{told:?}");
            assert_eq!(simulated.asked().await, 0, "{english}");
        }
    }
}

#[tokio::test]
async fn a_spot_is_taken_whatever_of_the_usual_lengths_it_has() {
    for subject in TELEVISION {
        for seconds in [5, 6, 15, 20, 30, 60] {
            let (_, outcome) = shows(subject, film(b"avc1", b"mp4a", seconds)).await;
            assert!(is_taken(&outcome), "{seconds} s: {outcome:?}");
        }
    }
}

/// The partner may reach it all the same; and that it is slow costs little of the call.
#[tokio::test]
async fn what_can_t_be_seen_from_here_is_handed_on() {
    for subject in TELEVISION {
        let answers = [503, 429, 302, 401, 403].map(|status| json!({"kind": "answer", "status": status}));
        for fault in answers.into_iter().chain([json!({"kind": "hang"})]) {
            let simulated = Simulated::start(subject).await;
            let rules = json!([{"channel": "media", "step": "file", "fault": fault}]);
            simulated.goes_wrong(&rules).await;
            let call = simulated.call(1, "default", simulated.now());
            let outcome = simulated.client().step(&call, simulated.now()).await;
            assert!(is_taken(&outcome), "{fault}: {outcome:?}");
        }
        for status in [404, 410] {
            let simulated = Simulated::start(subject).await;
            let gone = json!([{"channel": "media", "step": "file", "fault": {"kind": "answer", "status": status}}]);
            simulated.goes_wrong(&gone).await;
            let call = simulated.call(1, "default", simulated.now());
            let outcome = simulated.client().step(&call, simulated.now()).await;
            assert!(
                matches!(&outcome, StepOutcome::Rejected { failure, .. } if failure.code == "media_rejected"),
                "{status}: {outcome:?}"
            );
        }
    }
}

/// The first call may have had its effect: to repeat it is the look-up.
#[tokio::test]
async fn in_doubt_the_film_is_not_looked_at_again() {
    let (simulated, outcome) = shows(WOORIDONGNE_TV, film(b"avc1", b"mp4a", 15)).await;
    assert!(is_taken(&outcome), "{outcome:?}");
    simulated.put_media("a.mp4", b"<html>gone</html>".to_vec());
    let mut call = simulated.call(1, "default", simulated.now());
    call.delivery.phase = Phase::Unknown;
    let outcome = simulated.client().step(&call, simulated.now()).await;
    assert!(is_taken(&outcome), "{outcome:?}");
    assert_eq!(simulated.effects().await, 1);
}

/// For an operator whose films this service can't reach, and for pictures.
#[tokio::test]
async fn what_is_not_looked_at_is_handed_on() {
    let unseeing = Subject {
        client: |api, _| {
            let client = GatewayClient::new(api, fanfare_channels::wooridongne_tv::SHAPE);
            Arc::new(client.showing(Spots::new(None, Duration::ZERO)))
        },
        ..WOORIDONGNE_TV
    };
    let (simulated, outcome) = shows(unseeing, b"<html>no film</html>".to_vec()).await;
    assert!(is_taken(&outcome), "{outcome:?}");
    let film = format!("{}/media/a.mp4", simulated.base_url());
    assert_eq!(simulated.made()[0].content["mediaUrl"], film);
    let picture = Subject {
        request: || {
            let mut body = (WOORIDONGNE_TV.request)();
            body["contentUrls"] = json!({"imageUrl": "https://a.kr/a.jpg"});
            body
        },
        ..WOORIDONGNE_TV
    };
    let simulated = Simulated::start(picture).await;
    simulated.put_media("a.jpg", b"<html>".to_vec());
    simulated.advance(Duration::from_secs(1));
    let call = simulated.call(1, "default", simulated.now());
    let outcome = simulated.client().step(&call, simulated.now()).await;
    assert!(is_taken(&outcome), "{outcome:?}");
}
