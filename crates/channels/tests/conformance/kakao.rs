//! What only Kakao Channel has: lists of people, several requests for one
//! delivery, nights, and results that come later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::kakao_channel::recipients::{Recipient, Recipients, RecipientsError};
use fanfare_channels::kakao_channel::{KakaoChannelClient, KakaoSettings};
use fanfare_channels::media::MediaClient;
use fanfare_channels::secret::Secret;
use fanfare_core::advertising::Consent;
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::ids::TenantId;
use fanfare_ledger::MemoryStore;
use serde_json::{Value, json};

use crate::KAKAO_CHANNEL;
use crate::cases::once;
use crate::driver::{Database, Death, Driver, Outcome, Point};
use crate::simulated::{Simulated, Subject};

/// One list, `friends`, of the tenant `default`.
#[derive(Debug)]
pub(crate) struct Friends(pub(crate) Vec<Recipient>);

#[async_trait]
impl Recipients for Friends {
    async fn of(&self, tenant: &TenantId, list: &str) -> Result<Vec<Recipient>, RecipientsError> {
        if list == "friends" && *tenant == TenantId::default() {
            Ok(self.0.clone())
        } else {
            Err(RecipientsError::Unknown)
        }
    }
}

pub(crate) fn friend(number: &str) -> Recipient {
    Recipient {
        number: Secret::new(number),
        consent: Some(Consent {
            who: "customer".to_owned(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            how: "web form".to_owned(),
            advertising: true,
            night: false,
            withdrawn_at: None,
            reconfirmed_at: None,
        }),
        suppressed: false,
    }
}

/// So many, all of whom get what they are sent.
pub(crate) fn friends(people: usize) -> Vec<Recipient> {
    // The last digit keeps clear of the numbers that stand for something.
    (0..people).map(|number| friend(&format!("010{number:07}7"))).collect()
}

pub(crate) fn client(api: Api, pictures: &str, friends: Vec<Recipient>) -> Arc<dyn ChannelClient> {
    client_for(api, pictures, Arc::new(Friends(friends)))
}

pub(crate) fn client_for(api: Api, pictures: &str, lists: Arc<dyn Recipients>) -> Arc<dyn ChannelClient> {
    let media = MediaClient::new(&[pictures.to_owned()], Duration::from_secs(5)).unwrap();
    let settings = KakaoSettings {
        // In place of a thousand: it is the same, and quicker.
        per_request: 10,
        ..KakaoSettings::new("app", "sender", "봄 빵집", "080-555-0100")
    };
    Arc::new(KakaoChannelClient::new(api, media, lists, settings))
}

pub(crate) const MANY: Subject = Subject {
    client: |api, pictures| client(api, pictures, friends(23)),
    ..KAKAO_CHANNEL
};

async fn distribute(simulated: &Simulated, death: Option<Death>) -> Outcome {
    let database = Database::Memory(Arc::new(MemoryStore::new()));
    let driver = Driver::new(simulated, simulated.client(), database, death).await;
    driver.distribute(simulated.request()).await
}

/// Everybody who was sent it; fails where somebody was sent it twice.
pub(crate) fn sent(simulated: &Simulated) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    for effect in simulated.made() {
        for number in effect.content["recipients"].as_array().unwrap() {
            let number = number.as_str().unwrap().to_owned();
            assert!(sent.insert(number.clone()), "{number} was sent it twice");
        }
    }
    sent
}

fn counts(outcome: &Outcome) -> &Value {
    &outcome.delivery.checkpoint.as_ref().unwrap().0["counts"]
}

pub(crate) fn refusal(code: i64) -> Value {
    json!({"kind": "answer", "status": 200,
        "body": {"header": {"isSuccessful": false, "resultCode": code, "resultMessage": "no"}}})
}

#[tokio::test]
async fn a_long_list_is_sent_in_several_requests_and_nobody_twice() {
    let simulated = Simulated::start(MANY).await;
    let outcome = distribute(&simulated, None).await;
    let receipt = outcome.delivery.receipt.as_ref().unwrap();
    assert_eq!(receipt.state, ChannelState::Delivered);
    assert_eq!(counts(&outcome)["delivered"], 23);
    assert_eq!(sent(&simulated).len(), 23);
    let made = simulated.made();
    assert_eq!(made.len(), 3);
    let keys: Vec<_> = made.iter().map(|effect| effect.our_id.clone()).collect();
    let key = outcome.delivery.idempotency_key();
    assert_eq!(keys, [format!("{key}.1"), format!("{key}.2"), format!("{key}.3")]);
    assert_eq!(receipt.fields.message_id.as_ref(), Some(&made[0].remote_id));
    let text = made[0].content["content"].as_str().unwrap();
    assert_eq!(text, "(광고) 여는 날 10% 할인\n\n봄 빵집 | 무료수신거부 080-555-0100");
}

/// T1 with three effects: the process dies once, everywhere, and each request's
/// answer may be lost besides.
#[tokio::test]
async fn a_long_list_survives_death_at_every_commit_and_call() {
    for faults in [
        json!([]),
        json!([{"step": "send", "after": 1, "times": 1, "fault": {"kind": "drop-after"}}]),
    ] {
        let simulated = Simulated::start(MANY).await;
        simulated.goes_wrong(&faults).await;
        let calm = distribute(&simulated, None).await;
        let commits = (1..=calm.commits).map(|number| (Point::Commit, number));
        let calls = (1..=calm.calls).map(|number| (Point::Call, number));
        for (at, number) in commits.chain(calls) {
            for done in [false, true] {
                let death = Death { at, number, done };
                let simulated = Simulated::start(MANY).await;
                simulated.goes_wrong(&faults).await;
                let outcome = distribute(&simulated, Some(death)).await;
                assert_eq!(
                    outcome.delivery.status,
                    DeliveryStatus::Success,
                    "{death:?}: {:?}",
                    outcome.delivery
                );
                assert_eq!(sent(&simulated).len(), 23, "{death:?}");
            }
        }
    }
}

/// What fails once at the second request, whether the channel did it or not.
#[tokio::test]
async fn a_fault_in_the_midst_neither_loses_nor_repeats() {
    for fault in [
        json!({"kind": "drop-before"}),
        json!({"kind": "drop-after"}),
        json!({"kind": "perform-late", "seconds": 30}),
        json!({"kind": "answer", "status": 500, "body": "fault", "perform": true}),
        json!({"kind": "answer", "status": 503}),
        json!({"kind": "garbage", "what": "html", "perform": true}),
        json!({"kind": "throttle", "minutes": 5}),
        refusal(9_999),
        refusal(4_161),
        refusal(4_138),
        refusal(-1_005),
        refusal(4_131),
        refusal(3_022),
    ] {
        let simulated = Simulated::start(MANY).await;
        let rules = json!([{"step": "send", "after": 1, "times": 1, "fault": fault}]);
        simulated.goes_wrong(&rules).await;
        let outcome = distribute(&simulated, None).await;
        assert_eq!(
            outcome.delivery.status,
            DeliveryStatus::Success,
            "{fault}: {:?}",
            outcome.delivery
        );
        assert_eq!(sent(&simulated).len(), 23, "{fault}");
    }
}

/// What was sent stays a success, and the rest is counted.
#[tokio::test]
async fn a_refusal_for_good_in_the_midst_gives_up_the_rest_and_says_so() {
    let simulated = Simulated::start(MANY).await;
    let rules = json!([{"step": "send", "after": 1, "times": 1, "fault": refusal(-1_006)}]);
    simulated.goes_wrong(&rules).await;
    let outcome = distribute(&simulated, None).await;
    let reached = sent(&simulated).len();
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    assert_eq!(counts(&outcome)["delivered"], reached);
    assert_eq!(counts(&outcome)["notSent"], 23 - reached);
    assert!(reached <= 10);
}

/// 3005: it was sent, and may arrive for three days. It is never sent again, and
/// not to find it is no proof: a person decides.
#[tokio::test]
async fn what_the_channel_says_it_sent_is_never_sent_again() {
    let simulated = Simulated::start(KAKAO_CHANNEL).await;
    simulated.goes_wrong(&once("send", &refusal(3_005))).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::NeedsReview);
    assert!(simulated.made().is_empty());
    // And where it can be found, it is.
    let simulated = Simulated::start(KAKAO_CHANNEL).await;
    let mut fault = refusal(3_005);
    fault["perform"] = json!(true);
    simulated.goes_wrong(&once("send", &fault)).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    assert_eq!(simulated.made().len(), 1);
}

/// A key that is said to be known: looked up for as long as the channel would
/// refuse it, and then sent.
#[tokio::test]
async fn a_known_key_is_looked_up() {
    for code in [-1_005, 4_131] {
        let simulated = Simulated::start(KAKAO_CHANNEL).await;
        let began = simulated.now();
        simulated.goes_wrong(&once("send", &refusal(code))).await;
        let outcome = distribute(&simulated, None).await;
        assert_eq!(outcome.delivery.status, DeliveryStatus::Success, "{code}");
        let waited = simulated.now().duration_since(began).as_secs();
        assert!((600..1_200).contains(&waited), "{code}: {waited} s");
    }
}

#[tokio::test]
async fn by_night_it_waits_until_eight() {
    for (now, until) in [
        ("2026-11-24T20:50:00+09:00", "2026-11-25T08:00:00+09:00"),
        ("2026-11-25T07:59:59+09:00", "2026-11-25T08:00:00+09:00"),
    ] {
        let simulated = Simulated::start_at(KAKAO_CHANNEL, now.parse().unwrap()).await;
        let outcome = distribute(&simulated, None).await;
        assert_eq!(
            (outcome.delivery.status, outcome.delivery.attempt),
            (DeliveryStatus::Success, 1)
        );
        assert!(simulated.made()[0].at >= until.parse().unwrap(), "{now}");
    }
    // And where it is night by the channel's clock alone.
    let simulated = Simulated::start(KAKAO_CHANNEL).await;
    simulated.goes_wrong(&once("send", &refusal(3_022))).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(
        (outcome.delivery.status, outcome.delivery.attempt),
        (DeliveryStatus::Success, 1)
    );
    assert!(simulated.made()[0].at >= "2026-11-25T08:00:00+09:00".parse().unwrap());
}

#[tokio::test]
async fn who_is_not_reached_is_counted_and_one_who_is_is_enough() {
    const MIXED: Subject = Subject {
        client: |api, pictures| {
            let mut people = friends(2);
            // No friend; not reached; no evidence; withdrawn, of two.
            people.extend([friend("01000000000"), friend("01000000001"), friend("01055550000")]);
            people.extend([friend("01055550008"), friend("01055550009")]);
            people[1].consent = None;
            for person in &mut people[5..] {
                let consent = person.consent.as_mut().unwrap();
                consent.withdrawn_at = Some("2026-10-01T00:00:00Z".parse().unwrap());
            }
            client(api, pictures, people)
        },
        ..KAKAO_CHANNEL
    };
    let simulated = Simulated::start(MIXED).await;
    let outcome = distribute(&simulated, None).await;
    let receipt = outcome.delivery.receipt.as_ref().unwrap();
    assert_eq!(receipt.state, ChannelState::Delivered);
    let wanted = json!({
        "sent": 2, "delivered": 1, "failed": 1, "refused": 2, "blocked": 3, "capped": 0, "notSent": 0,
        "blockedBy": {"noEvidence": 1, "notToAdvertising": 0, "withdrawn": 2, "notReconfirmed": 0, "night": 0,
            "suppressed": 0},
    });
    assert_eq!(counts(&outcome), &wanted);
    // I20.
    let stored = format!("{:?}", outcome.distribution);
    assert!(!stored.contains("0100000") && !stored.contains("0105555"), "{stored}");
}

#[tokio::test]
async fn results_that_are_slow_leave_it_accepted() {
    let simulated = Simulated::start(KAKAO_CHANNEL).await;
    let slow = json!({"kind": "slow-results", "seconds": 3_600});
    simulated.goes_wrong(&once("send", &slow)).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::Success);
    assert_eq!(outcome.delivery.receipt.unwrap().state, ChannelState::Accepted);
}

/// 3005 of one recipient: not delivered, not failed either.
#[tokio::test]
async fn what_is_sent_and_not_confirmed_leaves_it_accepted() {
    const UNCONFIRMED: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000005"), friend("01000000007")]),
        ..KAKAO_CHANNEL
    };
    let simulated = Simulated::start(UNCONFIRMED).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(outcome.delivery.receipt.unwrap().state, ChannelState::Accepted);
}

#[tokio::test]
async fn where_nobody_is_left_it_has_failed_and_says_why() {
    const NO_FRIENDS: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000000")]),
        ..KAKAO_CHANNEL
    };
    const NOT_REACHED: Subject = Subject {
        client: |api, pictures| client(api, pictures, vec![friend("01000000001")]),
        ..KAKAO_CHANNEL
    };
    const NO_EVIDENCE: Subject = Subject {
        client: |api, pictures| {
            let mut person = friend("01000000007");
            person.consent = None;
            client(api, pictures, vec![person])
        },
        ..KAKAO_CHANNEL
    };
    const SUPPRESSED: Subject = Subject {
        client: |api, pictures| {
            let mut person = friend("01000000007");
            person.suppressed = true;
            client(api, pictures, vec![person])
        },
        ..KAKAO_CHANNEL
    };
    let (no_evidence, suppressed) = ("no evidence of consent (1 of 1)", "suppressed (1 of 1)");
    for (subject, code, words) in [
        (NO_FRIENDS, "no_recipient_reached", ""),
        (NOT_REACHED, "no_recipient_reached", ""),
        (NO_EVIDENCE, "no_consented_recipients", no_evidence),
        (SUPPRESSED, "no_consented_recipients", suppressed),
    ] {
        let simulated = Simulated::start(subject).await;
        let outcome = distribute(&simulated, None).await;
        assert_eq!(outcome.delivery.status, DeliveryStatus::Failed, "{code}");
        let failure = outcome.delivery.failure.unwrap();
        assert_eq!(failure.code, code);
        assert!(failure.detail.en.contains(words), "{}", failure.detail.en);
    }
}

/// A server that does not search by our key finds other people's messages.
#[tokio::test]
async fn what_does_not_bear_our_key_is_not_taken_for_ours() {
    let simulated = Simulated::start(KAKAO_CHANNEL).await;
    let message = json!({"requestId": "2026", "recipientSeq": 1, "messageStatus": "COMPLETED"});
    let found = json!({"kind": "answer", "status": 200, "body": {
        "header": {"isSuccessful": true, "resultCode": 0, "resultMessage": "success"},
        "messageSearchResultResponse": {"messages": [message], "totalCount": 1}}});
    let rules = json!([
        {"step": "send", "times": 1, "fault": {"kind": "drop-before"}},
        {"step": "lookup", "fault": found},
    ]);
    simulated.goes_wrong(&rules).await;
    let outcome = distribute(&simulated, None).await;
    assert_eq!(outcome.delivery.status, DeliveryStatus::NeedsReview);
}
