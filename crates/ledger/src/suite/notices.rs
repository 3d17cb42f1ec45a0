//! Notices: told once to whom they concern, by the commit that they follow from;
//! endpoints and alarms.
//!
//! A store that several nodes share may give an endpoint to one life at a time.

use std::sync::Arc;

use fanfare_core::channel::Channel;
use fanfare_core::delivery::DeliveryStatus;
use fanfare_core::distribution::Distribution;
use fanfare_core::ids::{Incarnation, TenantId};
use fanfare_core::notice::sending::{EndpointHealth, NoticeFate};
use fanfare_core::notice::{Notice, NoticeKind, Subject, Subscription};

use super::{accepted, asked, at, change, end, life, of_tenant, recorded, sample, write};
use crate::notices::{DueNotice, FORGET_AT_ONCE, FORGOTTEN, Forgotten, Holder, Noted};
use crate::store::Store;
use fanfare_core::write::{Record, Written};

fn subscription(endpoint: &str, tenant: Option<&str>) -> Subscription {
    Subscription {
        endpoint: endpoint.to_owned(),
        kinds: NoticeKind::ALL.into(),
        tenant: tenant.map(TenantId::new),
    }
}

/// Two endpoints: one for everything, and one of the tenant `cafe`.
async fn configured(store: &dyn Store) {
    let endpoints = ["cafe", "ops"].map(|name| (name.to_owned(), "1".to_owned()));
    store.configure_endpoints(&endpoints, at(0)).await.unwrap();
    store.subscribe(Arc::new([
        subscription("ops", None),
        subscription("cafe", Some("cafe")),
    ]));
}

/// Who sends to `ops` as it was configured first.
fn holder(token: Incarnation) -> Holder {
    Holder {
        endpoint: "ops".to_owned(),
        fingerprint: "1".to_owned(),
        token,
    }
}

async fn due(store: &dyn Store, endpoint: &str, second: i64) -> Vec<DueNotice> {
    store.due_notices(endpoint, at(second), 100).await.unwrap()
}

/// Instagram fails in that second.
fn failure(distribution: &mut Distribution, second: i64, token: Incarnation) -> Record {
    sample::record(distribution, at(second), token, |distribution| {
        let delivery = &mut distribution.deliveries[0];
        vec![sample::conclude(delivery, DeliveryStatus::Failed, at(second))]
    })
}

fn relay(second: i64) -> Notice {
    let subject = Subject::Relay {
        since: at(0),
        unpublished: 7,
    };
    Notice::of_service(subject, at(second))
}

/// To each endpoint what concerns it, and not again when the write is given again.
pub async fn a_record_tells_whom_it_concerns_once(store: &dyn Store) {
    configured(store).await;
    let token = life(store).await;
    let mut own = accepted(
        store,
        &of_tenant(asked(1, "evt-1", &[Channel::Instagram], 0, token), "cafe"),
    )
    .await;
    let mut other = accepted(store, &asked(2, "evt-2", &[Channel::Instagram], 0, token)).await;
    assert_eq!(due(store, "ops", 9).await, [], "what has only begun is not told");
    let record = failure(&mut own, 1, token);
    recorded(store, &record).await;
    recorded(store, &record).await;
    let success = sample::completion(&mut other, at(2), token);
    recorded(store, &success).await;
    let told = due(store, "ops", 9).await;
    let notices: Vec<_> = told.iter().map(|due| due.notice.clone()).collect();
    let mut expected = Notice::of_record(&own.event_id, &record);
    expected.extend(Notice::of_record(&other.event_id, &success));
    assert_eq!(notices, expected);
    assert_eq!(due(store, "ops", 1).await.len(), 2, "nothing of the future");
    let of_cafe: Vec<_> = due(store, "cafe", 9).await.into_iter().map(|due| due.notice).collect();
    assert_eq!(of_cafe, expected[..2]);
}

/// What the owner no longer may write is not told either.
pub async fn what_is_refused_is_not_told(store: &dyn Store) {
    configured(store).await;
    let token = life(store).await;
    let mut distribution = accepted(store, &asked(1, "evt-1", &[Channel::Instagram], 0, token)).await;
    let mut record = failure(&mut distribution, 1, token);
    record.history.number += 1;
    assert_eq!(write(store, change(&record)).await, Written::Fenced);
    assert_eq!(due(store, "ops", 9).await, []);
    store.subscribe(Arc::new([]));
    record.history.number -= 1;
    recorded(store, &record).await;
    assert_eq!(due(store, "ops", 9).await, [], "nobody asked for it");
}

fn noted(due: &DueNotice, fate: NoticeFate, health: EndpointHealth) -> Noted {
    Noted {
        position: due.position,
        attempts: due.attempts + 1,
        fate,
        at: at(20),
        health,
        notice: None,
    }
}

/// What came of a sending, and how the endpoint is, are kept together.
pub async fn what_was_told_is_not_due_any_more(store: &dyn Store) {
    configured(store).await;
    let holder = holder(life(store).await);
    store.hold_endpoint(&holder, at(9), at(99)).await.unwrap();
    assert!(store.raise_alarm("a", 1, &relay(1)).await.unwrap());
    assert!(store.raise_alarm("b", 1, &relay(2)).await.unwrap());
    let [first, second] = &due(store, "ops", 9).await[..] else {
        panic!()
    };
    let ill = EndpointHealth {
        failures: 1,
        failing_since: Some(at(20)),
        paused_until: Some(at(30)),
        last_failure: Some("503 '🔧'".to_owned()),
        ..EndpointHealth::default()
    };
    let later = noted(first, NoticeFate::Later(at(30)), ill.clone());
    store.note_sending(&holder, &later).await.unwrap();
    assert_eq!(due(store, "ops", 29).await, std::slice::from_ref(second));
    let endpoints = store.endpoints().await.unwrap();
    assert_eq!(
        endpoints.iter().map(|one| &*one.name).collect::<Vec<_>>(),
        ["cafe", "ops"]
    );
    assert_eq!((&endpoints[1].health, endpoints[1].pending), (&ill, 2));
    assert_eq!(endpoints[1].oldest, Some(at(1)));
    let well = EndpointHealth::default();
    store
        .note_sending(&holder, &noted(second, NoticeFate::Delivered, well.clone()))
        .await
        .unwrap();
    let again = &due(store, "ops", 30).await[0];
    assert_eq!(
        (again.position, again.attempts, &again.notice),
        (first.position, 1, &first.notice)
    );
    let mut given_up = noted(again, NoticeFate::GivenUp, well);
    let subject = Subject::Endpoint {
        name: "cafe".to_owned(),
        failure: "410".to_owned(),
    };
    given_up.notice = Some(Notice::of_service(subject, at(31)));
    store.note_sending(&holder, &given_up).await.unwrap();
    let told = due(store, "ops", 99).await;
    assert_eq!(
        told.iter().map(|due| Some(due.notice.clone())).collect::<Vec<_>>(),
        [given_up.notice]
    );
}

/// What was told is not told again by who hears of it late, and who has not the
/// endpoint any more does not say how it is.
pub async fn what_is_noted_late_changes_nothing(store: &dyn Store) {
    configured(store).await;
    let own = holder(life(store).await);
    store.hold_endpoint(&own, at(1), at(99)).await.unwrap();
    store.raise_alarm("a", 1, &relay(1)).await.unwrap();
    store.raise_alarm("b", 1, &relay(2)).await.unwrap();
    let [first, second] = &due(store, "ops", 9).await[..] else {
        panic!()
    };
    let well = EndpointHealth::default();
    let delivered = noted(first, NoticeFate::Delivered, well.clone());
    store.note_sending(&own, &delivered).await.unwrap();
    let late = noted(first, NoticeFate::Later(at(3)), well.clone());
    store.note_sending(&own, &late).await.unwrap();
    assert_eq!(due(store, "ops", 9).await, std::slice::from_ref(second));
    let anew = [("cafe".to_owned(), "1".to_owned()), ("ops".to_owned(), "2".to_owned())];
    store.configure_endpoints(&anew, at(10)).await.unwrap();
    let ill = EndpointHealth {
        disabled_at: Some(at(11)),
        ..EndpointHealth::default()
    };
    let mut stale = noted(second, NoticeFate::Later(at(12)), ill);
    let subject = Subject::Endpoint {
        name: "ops".to_owned(),
        failure: "410".to_owned(),
    };
    stale.notice = Some(Notice::of_service(subject, at(11)));
    store.note_sending(&own, &stale).await.unwrap();
    let look = store.look_at_endpoint("ops", at(11)).await.unwrap().unwrap();
    assert_eq!((&look.health, &*look.fingerprint, look.is_due), (&well, "2", false));
    assert!(store.look_at_endpoint("ops", at(12)).await.unwrap().unwrap().is_due);
    assert_eq!(due(store, "cafe", 99).await, [], "nobody is told that it is disabled");
    assert_eq!(store.hold_endpoint(&own, at(12), at(99)).await.unwrap(), None);
}

/// It waited for an hour, as its endpoint failed; now somebody says that it is well.
pub async fn what_waits_is_told_when_its_endpoint_begins_anew(store: &dyn Store) {
    configured(store).await;
    let token = life(store).await;
    store.raise_alarm("a", 1, &relay(1)).await.unwrap();
    let waits = async |print: &str| {
        let holder = Holder {
            fingerprint: print.to_owned(),
            ..holder(token)
        };
        store.hold_endpoint(&holder, at(9), at(99)).await.unwrap();
        let one = &due(store, "ops", 3_600).await[0];
        let later = noted(one, NoticeFate::Later(at(3_600)), EndpointHealth::default());
        store.note_sending(&holder, &later).await.unwrap();
        assert_eq!(due(store, "ops", 3_599).await, []);
    };
    waits("1").await;
    assert!(store.enable_endpoint("ops", at(30)).await.unwrap());
    assert_eq!(due(store, "ops", 29).await.len(), 0);
    assert_eq!(due(store, "ops", 30).await.len(), 1, "a person said so");
    waits("1").await;
    configured(store).await;
    assert_eq!(due(store, "ops", 3_599).await, [], "the same changes nothing");
    let anew = [("ops".to_owned(), "2".to_owned())];
    store.configure_endpoints(&anew, at(40)).await.unwrap();
    assert_eq!(due(store, "ops", 40).await.len(), 1, "it is somewhere else now");
    waits("2").await;
    assert!(!store.enable_endpoint("nobody", at(50)).await.unwrap());
    assert_eq!(due(store, "ops", 3_599).await, [], "that was another");
}

/// A new configuration begins anew; what is not named any more is forgotten, by
/// stores that several nodes share when nobody has named it for long.
pub async fn endpoints_are_those_that_are_configured(store: &dyn Store) {
    configured(store).await;
    let token = life(store).await;
    store.raise_alarm("a", 1, &relay(1)).await.unwrap();
    let due_one = &due(store, "ops", 9).await[0];
    let disabled = EndpointHealth {
        disabled_at: Some(at(20)),
        ..EndpointHealth::default()
    };
    let held = async |print: &str| {
        let holder = Holder {
            fingerprint: print.to_owned(),
            ..holder(token)
        };
        store.hold_endpoint(&holder, at(30), at(60)).await.unwrap()
    };
    assert!(held("1").await.is_some());
    let note = noted(due_one, NoticeFate::Later(at(30)), disabled.clone());
    store.note_sending(&holder(token), &note).await.unwrap();
    configured(store).await;
    assert_eq!(
        held("1").await,
        Some(disabled),
        "the same configuration changes nothing"
    );
    assert!(store.enable_endpoint("ops", at(30)).await.unwrap());
    assert_eq!(held("1").await, Some(EndpointHealth::default()));
    assert!(!store.enable_endpoint("nobody", at(30)).await.unwrap());
    store.note_sending(&holder(token), &note).await.unwrap();
    let changed = [("ops".to_owned(), "2".to_owned())];
    store.configure_endpoints(&changed, at(30)).await.unwrap();
    assert_eq!(
        (held("1").await, held("2").await),
        (None, Some(EndpointHealth::default()))
    );
    assert_eq!(
        due(store, "ops", 30).await.len(),
        1,
        "what it was to be told, it still is"
    );
    store.configure_endpoints(&[], at(40)).await.unwrap();
    let long_after = at(40).checked_add(FORGOTTEN).unwrap();
    store.forget_endpoints(long_after).await.unwrap();
    assert_eq!((held("2").await, due(store, "ops", 99).await), (None, vec![]));
    assert_eq!(store.endpoints().await.unwrap(), []);
    configured(store).await;
    assert!(
        store.raise_alarm("a", 1, &relay(50)).await.unwrap(),
        "nobody saw that it was over"
    );
}

/// At most one life sends to an endpoint; one that is over, or lets it go, does not.
pub async fn an_endpoint_is_held_by_one_life(store: &dyn Store) {
    configured(store).await;
    let first = life(store).await;
    let hold = async |token, now, until| {
        let held = store.hold_endpoint(&holder(token), at(now), at(until)).await.unwrap();
        held.is_some()
    };
    assert!(hold(first, 0, 30).await && hold(first, 1, 31).await);
    end(store, first).await;
    let second = life(store).await;
    let waits = !hold(second, 2, 32).await;
    assert!(
        !waits || hold(second, 31, 61).await,
        "when its time is over, another has it"
    );
    store.release_endpoint(&holder(first)).await.unwrap();
    if waits {
        assert!(!hold(first, 32, 62).await, "what is another's is not let go");
        store.raise_alarm("a", 1, &relay(1)).await.unwrap();
        let ill = EndpointHealth {
            failures: 1,
            ..EndpointHealth::default()
        };
        let late = noted(&due(store, "ops", 9).await[0], NoticeFate::Later(at(9)), ill);
        store.note_sending(&holder(first), &late).await.unwrap();
        let look = store.look_at_endpoint("ops", at(32)).await.unwrap().unwrap();
        assert_eq!(look.health.failures, 0, "nor does it say how the endpoint is");
    }
    store.release_endpoint(&holder(second)).await.unwrap();
    assert!(hold(first, 33, 63).await);
}

/// Told when it is raised and when it grows; over when nobody sees it any more.
pub async fn an_alarm_is_told_once(store: &dyn Store) {
    configured(store).await;
    let raise = async |level, second| store.raise_alarm("relay", level, &relay(second)).await.unwrap();
    assert!(raise(1, 1).await);
    assert!(!raise(1, 2).await);
    assert!(raise(2, 3).await);
    assert!(!raise(1, 4).await, "less than it was is no news");
    assert!(!raise(2, 5).await);
    assert_eq!(due(store, "ops", 9).await.len(), 2);
    assert_eq!(due(store, "cafe", 9).await, [], "that is the operator's");
    let subject = Subject::Breaker {
        channel: Channel::Instagram,
        tenant: None,
        open: false,
    };
    let over = Notice::of_service(subject, at(8));
    assert!(
        !store.clear_alarm("relay", at(4), Some(&over)).await.unwrap(),
        "it is still seen"
    );
    assert!(store.clear_alarm("relay", at(5), Some(&over)).await.unwrap());
    assert!(!store.clear_alarm("relay", at(9), Some(&over)).await.unwrap());
    assert_eq!(due(store, "ops", 9).await.len(), 3);
    assert!(raise(1, 10).await, "it begins anew");
}

/// Told or not, in as many slices as it takes; what was still to be told is counted.
pub async fn old_notices_are_forgotten(store: &dyn Store) {
    configured(store).await;
    let holder = holder(life(store).await);
    store.hold_endpoint(&holder, at(1), at(99)).await.unwrap();
    let many = i64::try_from(FORGET_AT_ONCE).unwrap() + 2;
    let overdue = |number: i64| Subject::Overdue {
        channel: if number % 2 == 0 {
            Channel::Instagram
        } else {
            Channel::GenieTV
        },
        since: at(0),
    };
    for number in 0..many {
        // Each second has one of each channel.
        let notice = Notice::of_service(overdue(number), at(number / 2));
        store.raise_alarm(&number.to_string(), 1, &notice).await.unwrap();
    }
    let told = &due(store, "ops", 0).await[0];
    let delivered = noted(told, NoticeFate::Delivered, EndpointHealth::default());
    store.note_sending(&holder, &delivered).await.unwrap();
    let last = many / 2 - 1;
    let mut forgotten = Forgotten::default();
    loop {
        let slice = store.forget_notices(at(last)).await.unwrap();
        if slice == Forgotten::default() {
            break;
        }
        forgotten.count += slice.count;
        *forgotten.untold.entry("ops".to_owned()).or_default() += slice.untold["ops"];
    }
    let count = u64::try_from(many).unwrap() - 2;
    let expected = Forgotten {
        count,
        untold: [("ops".to_owned(), count - 1)].into(),
    };
    assert_eq!(forgotten, expected);
    assert_eq!(due(store, "ops", many).await.len(), 2);
}
