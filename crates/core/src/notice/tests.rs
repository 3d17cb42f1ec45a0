//! What is told of what, and what follows a failed sending.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::sending::{DISABLED_AFTER, EndpointHealth, NoticeFate, Sending, Sent, after};
use super::words::Words;
use super::*;
use crate::cause::{self, Actor};
use crate::delivery::ActionUrl;
use crate::history::{HistoryEntry, Transition};
use crate::ids::{DeliveryId, Incarnation};
use crate::text::Language;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn delivery(channel: Channel, status: DeliveryStatus, failure: Option<Failure>) -> Delivery {
    let id = DeliveryId(Uuid::from_u128(7));
    Delivery {
        status,
        failure,
        ..Delivery::new(id, channel, Mode::Live, at(0))
    }
}

/// A record in which these deliveries have just come to where they are.
fn record(deliveries: Vec<Delivery>, publish: bool) -> Record {
    let came = |delivery: &Delivery| Transition::of_delivery(delivery, Some(DeliveryStatus::InProgress));
    Record {
        tenant: TenantId::new("cafe"),
        id: DistributionId(Uuid::from_u128(9)),
        status: DistributionStatus::of(&deliveries),
        completed_at: None,
        version: u32::from(publish),
        published: None,
        history: HistoryEntry {
            number: 2,
            at: at(1),
            actor: "engine".into(),
            reason: None,
            token: Incarnation(1),
            transitions: deliveries.iter().map(came).collect(),
        },
        deliveries,
        superseded: Vec::new(),
        publish,
        freeze: None,
        owner: None,
        due_at: None,
        open: false,
        spends: Vec::new(),
    }
}

fn notices(record: &Record) -> Vec<Notice> {
    Notice::of_record(&EventId::new("evt-1"), record)
}

#[test]
fn a_record_tells_what_a_person_should_know_and_nothing_else() {
    use DeliveryStatus::{ActionRequired, Cancelled, Failed, NeedsReview, Success, Waiting};
    let statuses = [Failed, NeedsReview, ActionRequired, Success, Waiting, Cancelled];
    let deliveries = Channel::ALL.into_iter().zip(statuses);
    let record = record(
        deliveries
            .map(|(channel, status)| delivery(channel, status, None))
            .collect(),
        true,
    );
    let kinds: Vec<_> = notices(&record).iter().map(Notice::kind).collect();
    assert_eq!(
        kinds,
        [
            NoticeKind::DeliveryFailed,
            NoticeKind::NeedsReview,
            NoticeKind::ActionRequired,
            NoticeKind::DistributionSettled
        ]
    );
    let ids: BTreeSet<_> = notices(&record).iter().map(|notice| notice.id).collect();
    assert_eq!(ids.len(), 4);
    let again: BTreeSet<_> = notices(&record).iter().map(|notice| notice.id).collect();
    assert_eq!(ids, again, "made again, it is the same notice");
}

#[test]
fn what_only_stands_there_still_is_not_told_again() {
    let mut record = record(vec![delivery(Channel::Instagram, DeliveryStatus::Failed, None)], false);
    record.history.transitions.clear();
    assert_eq!(notices(&record), []);
}

#[test]
fn a_new_generation_is_a_new_notice() {
    let one = record(vec![delivery(Channel::Instagram, DeliveryStatus::Failed, None)], false);
    let mut two = one.clone();
    two.deliveries[0].generation = 2;
    assert_ne!(notices(&one)[0].id, notices(&two)[0].id);
}

#[test]
fn an_endpoint_is_told_what_it_asked_for() {
    let subscription = |endpoint: &str, kinds: &[NoticeKind], tenant: Option<&str>| Subscription {
        endpoint: endpoint.to_owned(),
        kinds: kinds.iter().copied().collect(),
        tenant: tenant.map(TenantId::new),
    };
    let subscriptions = [
        subscription("ops", &NoticeKind::ALL, None),
        subscription("cafe", &NoticeKind::ALL, Some("cafe")),
        subscription("bakery", &NoticeKind::ALL, Some("bakery")),
        subscription("reviews", &[NoticeKind::NeedsReview], None),
    ];
    let record = record(vec![delivery(Channel::Instagram, DeliveryStatus::Failed, None)], false);
    let told = to_tell(&subscriptions, &EventId::new("evt-1"), &record);
    assert_eq!(
        told.iter().map(|(endpoint, _)| *endpoint).collect::<Vec<_>>(),
        ["ops", "cafe"]
    );
    let subject = Subject::Endpoint {
        name: "ops".to_owned(),
        failure: "503".to_owned(),
    };
    let notice = Notice::of_service(subject, at(0));
    let told: Vec<_> = subscriptions.iter().filter(|one| one.wants(&notice)).collect();
    assert!(told.is_empty(), "neither itself nor tenants: {told:?}");
    let told = |subject| {
        let notice = Notice::of_service(subject, at(0));
        let told = wanting(&subscriptions, &notice);
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(token(Some(9), unavailable())), ["ops"], "the operator's");
    assert_eq!(told(token_of("cafe")), ["ops", "cafe"]);
}

#[test]
fn most_records_tell_nothing() {
    let defaults: BTreeSet<_> = NoticeKind::ALL.into_iter().filter(|kind| kind.by_default()).collect();
    let subscription = |kinds| {
        [Subscription {
            endpoint: "ops".to_owned(),
            kinds,
            tenant: None,
        }]
    };
    let success = record(vec![delivery(Channel::Instagram, DeliveryStatus::Success, None)], true);
    let failure = record(vec![delivery(Channel::Instagram, DeliveryStatus::Failed, None)], true);
    assert!(!tells(&subscription(defaults.clone()), &success));
    assert!(tells(&subscription(defaults), &failure));
    assert!(tells(&subscription(NoticeKind::ALL.into()), &success));
    assert!(!tells(&[], &failure));
}

#[test]
fn every_kind_has_its_own_word() {
    for kind in NoticeKind::ALL {
        assert_eq!(NoticeKind::from_name(kind.name()), Some(kind));
    }
}

#[test]
fn a_notice_says_what_happened_who_acts_and_what_is_next() {
    let unknown = cause::OUTCOME_UNKNOWN.failure();
    let record = record(
        vec![delivery(Channel::Instagram, DeliveryStatus::NeedsReview, Some(unknown))],
        false,
    );
    let words = Words::of(&notices(&record)[0]);
    assert_eq!(words.actor, Actor::Operator);
    assert_eq!(
        words.what_happened,
        cause::OUTCOME_UNKNOWN.text(),
        "the table's own words"
    );
    let english = words.lines(Language::En, "https://fanfare.example/");
    let korean = words.lines(Language::Ko, "https://fanfare.example/");
    assert!(english.contains("Do not post it yourself"), "{english}");
    assert!(korean.contains("직접 게시하지 마세요"), "{korean}");
    for lines in [english, korean] {
        assert!(lines.contains("https://fanfare.example/api/distributions/"), "{lines}");
        assert!(lines.contains("/channels/Instagram/resolve"), "{lines}");
    }
}

#[test]
fn a_hand_off_leads_to_its_page() {
    let mut failure = cause::HAND_OFF.failure();
    failure.action_url = Some(Box::new(ActionUrl("https://fanfare.example/handoff/x".to_owned())));
    let record = record(
        vec![delivery(
            Channel::NaverBlog,
            DeliveryStatus::ActionRequired,
            Some(failure),
        )],
        false,
    );
    let words = Words::of(&notices(&record)[0]);
    assert_eq!(words.actor, Actor::Owner);
    assert_eq!(
        words.link("https://elsewhere.example"),
        "https://fanfare.example/handoff/x"
    );
}

#[test]
fn every_cause_makes_a_notice_that_tells_somebody_to_act_or_nobody() {
    for known in cause::ALL {
        let failed = delivery(Channel::GenieTV, DeliveryStatus::Failed, Some(known.failure()));
        let words = Words::of(&notices(&record(vec![failed], false))[0]);
        assert_eq!(words.actor, known.actor_at(DeliveryStatus::Failed), "{}", known.code);
        let idle = words.next_step.en == "Nothing has to be done.";
        assert_eq!(idle, words.actor == Actor::Nobody, "{}", known.code);
    }
    let failure = Failure {
        code: Cow::Borrowed("of_a_newer_release"),
        ..cause::EXPIRED.failure()
    };
    let strange = delivery(Channel::GenieTV, DeliveryStatus::Failed, Some(failure));
    let words = Words::of(&notices(&record(vec![strange], false))[0]);
    assert_eq!(words.actor, Actor::Operator);
}

#[test]
fn what_is_kept_reads_back_whole() {
    let failed = delivery(
        Channel::GenieTV,
        DeliveryStatus::Failed,
        Some(cause::EXPIRED.failure().said("x 🔧")),
    );
    let mut all = notices(&record(vec![failed], true));
    for subject in [
        Subject::Breaker {
            channel: Channel::Instagram,
            tenant: None,
            open: true,
        },
        Subject::Breaker {
            channel: Channel::Instagram,
            tenant: Some(TenantId::new("cafe")),
            open: false,
        },
        Subject::DeadLetters { count: 3 },
        Subject::Overdue {
            channel: Channel::Instagram,
            since: at(0),
        },
        Subject::Relay {
            since: at(0),
            unpublished: 7,
        },
        Subject::Endpoint {
            name: "ops".to_owned(),
            failure: "503".to_owned(),
        },
        token(Some(9), Tried::Well),
        token(None, refused()),
        token_of("cafe"),
    ] {
        all.push(Notice::of_service(subject, at(5)));
    }
    for notice in all {
        let json = serde_json::to_string(&notice).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), notice);
        assert!(!Words::of(&notice).title.ko.is_empty());
    }
}

fn token(expires_at: Option<i64>, tried: Tried) -> Subject {
    Subject::Token(TokenNotice {
        tenant: None,
        channel: Channel::Instagram,
        expires_at: expires_at.map(at),
        tried,
    })
}

/// That of a tenant's own account.
fn token_of(tenant: &str) -> Subject {
    Subject::Token(TokenNotice {
        tenant: Some(TenantId::new(tenant)),
        channel: Channel::Instagram,
        expires_at: Some(at(9)),
        tried: unavailable(),
    })
}

fn refused() -> Tried {
    Tried::Failed {
        code: "auth_expired".to_owned(),
        said: Some("190 Session has expired".to_owned()),
    }
}

fn unavailable() -> Tried {
    Tried::Failed {
        code: "channel_unavailable".to_owned(),
        said: None,
    }
}

/// Who acts, and how, whether it lapses, has lapsed, or is refused.
#[test]
fn a_token_that_needs_a_person_says_why_and_what_to_do() {
    for (subject, title, happened) in [
        (token(Some(9), unavailable()), "lapses soon", "could not be renewed"),
        (
            token(Some(9), Tried::Well),
            "lapses soon",
            "It lapses at 2027-01-15T08:00:09Z.",
        ),
        (token(Some(5), refused()), "has lapsed", "Nothing is published there"),
        (token(Some(9), refused()), "is refused", "The channel said: 190 Session"),
        (token(None, refused()), "is refused", "refused to renew it"),
    ] {
        let words = Words::of(&Notice::of_service(subject, at(5)));
        assert!(words.title.en.contains(title), "{}", words.title.en);
        assert!(words.what_happened.en.contains(happened), "{}", words.what_happened.en);
        assert_eq!((words.actor, &*words.path), (Actor::Owner, "/api/channels"));
        assert!(words.next_step.ko.contains("fanfare channels token Instagram"));
    }
}

/// It names them, so that two that lapse at one time are two.
#[test]
fn a_tenant_s_token_is_named_and_told_of_by_itself() {
    let [cafe, bakery] = ["cafe", "bakery"].map(|tenant| Notice::of_service(token_of(tenant), at(5)));
    assert_ne!(cafe.id, bakery.id);
    assert_eq!(cafe.subject.tenant(), Some(&TenantId::new("cafe")));
    let words = Words::of(&cafe);
    assert_eq!(words.title.en, "Instagram: cafe's access token lapses soon");
    assert!(
        words.title.ko.contains("cafe의 액세스 토큰이 곧 만료됩니다"),
        "{}",
        words.title.ko
    );
    for text in [&words.next_step.en, &words.next_step.ko] {
        assert!(text.contains("fanfare channels account set Instagram"), "{text}");
    }
    assert_eq!(
        (words.actor, &*words.path),
        (Actor::Owner, "/api/channels/Instagram/account?tenant=cafe")
    );
    let words = Words::of(&Notice::of_service(token_of("가게 &1"), at(5)));
    assert!(
        words.path.ends_with("?tenant=%EA%B0%80%EA%B2%8C%20%261"),
        "{}",
        words.path
    );
    let of_before = r#"{"channel": "Instagram", "tried": "well"}"#;
    assert_eq!(serde_json::from_str::<TokenNotice>(of_before).unwrap().tenant, None);
}

fn failed(retry_after: Option<u64>) -> Sent {
    Sent::Failed {
        why: "503".to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    }
}

#[test]
fn a_success_forgets_the_failures() {
    let mut rng = StdRng::seed_from_u64(1);
    let sending = Sending {
        created_at: at(0),
        attempts: 1,
    };
    let (fate, ill) = after(&failed(None), sending, &EndpointHealth::default(), at(0), &mut rng);
    assert!(matches!(fate, NoticeFate::Later(_)));
    assert_eq!((ill.failures, ill.failing_since), (1, Some(at(0))));
    let (fate, well) = after(&Sent::Delivered, sending, &ill, at(9), &mut rng);
    assert_eq!(fate, NoticeFate::Delivered);
    assert!(well.may_be_told(at(9)) && well.failures == 0 && well.last_delivered_at == Some(at(9)));
}

#[test]
fn retry_after_is_honoured() {
    let mut rng = StdRng::seed_from_u64(1);
    let sending = Sending {
        created_at: at(0),
        attempts: 1,
    };
    let (fate, health) = after(&failed(Some(120)), sending, &EndpointHealth::default(), at(0), &mut rng);
    let NoticeFate::Later(later) = fate else {
        panic!("{fate:?}")
    };
    assert!(later >= at(120), "{later}");
    assert!(
        !health.may_be_told(at(119)) && health.may_be_told(at(180)),
        "{health:?}"
    );
}

#[test]
fn after_days_of_failures_the_endpoint_is_told_nothing_more() {
    let mut rng = StdRng::seed_from_u64(1);
    let (mut health, mut now, mut attempts) = (EndpointHealth::default(), at(0), 0);
    let mut given_up_at = None;
    while health.disabled_at.is_none() {
        attempts += 1;
        let sending = Sending {
            created_at: at(0),
            attempts,
        };
        let (fate, next) = after(&failed(None), sending, &health, now, &mut rng);
        if fate == NoticeFate::GivenUp {
            given_up_at.get_or_insert(now);
        }
        now = next.paused_until.unwrap_or(now).max(match fate {
            NoticeFate::Later(later) => later,
            NoticeFate::Delivered | NoticeFate::GivenUp => now,
        });
        health = next;
    }
    let days = SignedDuration::try_from(DISABLED_AFTER).unwrap();
    let lasted = now.duration_since(at(0));
    assert!(
        lasted <= days && lasted > days - SignedDuration::from_hours(2),
        "{lasted}"
    );
    // Each has its own jitter.
    let given_up = given_up_at.expect("the notice is as old").duration_since(at(0));
    assert!(
        given_up <= lasted && given_up > days - SignedDuration::from_hours(2),
        "{given_up}"
    );
    assert!((70..1_000).contains(&attempts), "{attempts}");
    assert!(!health.may_be_told(Timestamp::MAX));
}

#[test]
fn an_endpoint_that_is_gone_is_told_nothing_more_at_once() {
    let mut rng = StdRng::seed_from_u64(1);
    let sending = Sending {
        created_at: at(0),
        attempts: 1,
    };
    let (fate, health) = after(&Sent::Gone, sending, &EndpointHealth::default(), at(0), &mut rng);
    assert!(
        matches!(fate, NoticeFate::Later(_)),
        "it is told when the endpoint is back: {fate:?}"
    );
    assert_eq!(health.disabled_at, Some(at(0)));
}
