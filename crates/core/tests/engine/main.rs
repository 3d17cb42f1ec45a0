//! The engine's decisions, one by one, from outside. Whether they hold together
//! whatever dies is the deterministic simulation's business.

mod account;
mod age;
mod ask;
mod breaker;
mod cancel;
mod claims;
mod door;
mod doubt;
mod hand_off;
mod held;
mod lanes;
mod life;
mod observe;
mod quota;
mod stop;
mod withdraw;

use std::time::Duration;

use fanfare_core::attempt::{Dedup, Protocol, Retry, StepOutcome};
use fanfare_core::channel::{Channel, ChannelState, Mode};
use fanfare_core::delivery::{DeliveryStatus, Failure, Phase};
use fanfare_core::distribution::{Distribution, DistributionStatus};
use fanfare_core::engine::{Answer, Call, ChannelSettings, Command, Engine, Input, NewDistribution, Settings};
use fanfare_core::ids::{DistributionId, EventId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::{CanonicalRequest, ChannelOptions, Content, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::resilience::breaker::BreakerSettings;
use fanfare_core::resilience::rate_limiter::RateLimit;
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::text::Text;
use fanfare_core::write::{Adopted, Record, Write, Written};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;

const START: Timestamp = Timestamp::UNIX_EPOCH;
const TWO: [Channel; 2] = [Channel::Instagram, Channel::KakaoChannel];

/// An engine, a clock and a generator.
struct Node {
    engine: Engine,
    now: Timestamp,
    rng: StdRng,
    /// What the database holds, where a question needs it.
    review: Option<Distribution>,
}

fn node(dedup: Dedup, concurrency: usize) -> Node {
    node_for(dedup, concurrency, 2)
}

fn node_for(dedup: Dedup, concurrency: usize, max_in_flight: usize) -> Node {
    node_with(dedup, concurrency, max_in_flight, None)
}

fn node_with(dedup: Dedup, concurrency: usize, max_in_flight: usize, rate_limit: Option<RateLimit>) -> Node {
    let protocol = Protocol {
        first_step_has_effect: true,
        dedup,
        observed_at: &[],
    };
    node_of(protocol, concurrency, max_in_flight, rate_limit)
}

fn node_of(protocol: Protocol, concurrency: usize, max_in_flight: usize, rate_limit: Option<RateLimit>) -> Node {
    node_as(
        ChannelSettings {
            concurrency,
            rate_limit,
            protocol,
            accounts_apart: false,
        },
        max_in_flight,
    )
}

/// Where tenants' accounts lie elsewhere.
fn node_apart(dedup: Dedup, concurrency: usize, max_in_flight: usize) -> Node {
    let protocol = Protocol {
        first_step_has_effect: true,
        dedup,
        observed_at: &[],
    };
    node_as(
        ChannelSettings {
            concurrency,
            rate_limit: None,
            protocol,
            accounts_apart: true,
        },
        max_in_flight,
    )
}

fn node_as(channel: ChannelSettings, max_in_flight: usize) -> Node {
    let retry = RetryPolicy {
        max_attempts: 3,
        ..RetryPolicy::default()
    };
    let channels = [channel; Channel::ALL.len()];
    let settings = Settings {
        channels,
        retry,
        call_deadline: Duration::from_secs(10),
        look_up: RetryPolicy {
            max_age: Duration::from_hours(1),
            ..retry
        },
        breaker: BreakerSettings::default(),
        heartbeat: Duration::from_secs(5),
        max_in_flight,
        max_backlog: Duration::from_secs(20),
        spend_caps: fanfare_core::spend::SpendCaps::default(),
    };
    Node {
        engine: Engine::new(settings, Incarnation(7)),
        now: START,
        rng: StdRng::seed_from_u64(1),
        review: None,
    }
}

impl Node {
    fn step(&mut self, inputs: Vec<Input>) -> Vec<Command> {
        self.engine.step(inputs, self.now, &mut self.rng)
    }

    fn ask(&mut self, new: NewDistribution) -> (DistributionId, Vec<Command>) {
        let id = DistributionId::new(self.now, &mut self.rng);
        (id, self.step(vec![Input::Accept { id, new: Box::new(new) }]))
    }

    /// Accepted and committed: the calls that follow.
    fn accepted(&mut self, new: NewDistribution) -> (DistributionId, Vec<Call>) {
        let (id, _) = self.ask(new);
        let commands = self.written(id, Written::Accepted { others: Vec::new() });
        (id, calls(commands))
    }

    fn written(&mut self, id: DistributionId, written: Written) -> Vec<Command> {
        self.step(vec![Input::Written { id, written }])
    }

    fn later(&mut self, by: Duration) -> Vec<Command> {
        self.now += by;
        self.step(Vec::new())
    }
}

fn new(channels: &[Channel], scheduled_at: Option<Timestamp>) -> NewDistribution {
    NewDistribution {
        tenant: TenantId::default(),
        request: CanonicalRequest::new(DistributeRequest {
            event_id: EventId::new("evt-1"),
            channels: channels.to_vec(),
            content_urls: ContentUrls::default(),
            content: Content::default(),
            channel_options: ChannelOptions::default(),
            scheduled_at,
            on_invalid: OnInvalid::Reject,
            allow_repeat: false,
        }),
        skipped: Vec::new(),
        modes: [Mode::Live; Channel::ALL.len()],
        idempotency_key: None,
    }
}

fn calls(commands: Vec<Command>) -> Vec<Call> {
    commands
        .into_iter()
        .filter_map(|command| match command {
            Command::Step(call) | Command::LookUp(call) => Some(call),
            _ => None,
        })
        .collect()
}

fn record(commands: &[Command]) -> &Record {
    let records: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Write(Write::Record(record)) => Some(record),
            _ => None,
        })
        .collect();
    assert_eq!(records.len(), 1, "{commands:?}");
    records[0]
}

fn stepped(call: &Call, outcome: StepOutcome) -> Input {
    Input::Stepped {
        reference: call.reference(),
        outcome,
    }
}

fn confirmed() -> StepOutcome {
    StepOutcome::Confirmed(Receipt {
        state: ChannelState::Live,
        fields: ResultFields::default(),
    })
}

const KEY: Dedup = Dedup::Key {
    window: Duration::from_hours(24),
};

fn failure() -> Failure {
    Failure::new("channel_unavailable", Text::new("Away.", "응답이 없습니다."))
}

#[test]
fn acceptance_and_first_intents_share_a_commit_and_nothing_is_called_before_it() {
    let mut node = node(KEY, 10);
    let (id, commands) = node.ask(new(&TWO, None));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    for delivery in &acceptance.distribution.deliveries {
        assert_eq!(
            (delivery.status, delivery.phase),
            (DeliveryStatus::InProgress, Phase::Intent)
        );
    }
    assert_eq!(acceptance.distribution.status, DistributionStatus::InProgress);
    let of_distribution: Vec<_> = acceptance
        .history
        .transitions
        .iter()
        .filter(|t| t.channel.is_none())
        .map(|t| &*t.to)
        .collect();
    assert_eq!(of_distribution, ["PENDING", "IN_PROGRESS"], "the history shows both");
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert!(commands.contains(&Command::Answer {
        id,
        answer: Answer::Accepted(id)
    }));
    assert_eq!(calls(commands).len(), 2);
}

#[test]
fn what_comes_together_is_committed_together_with_its_event() {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO, None));
    let commands = node.step(calls.iter().map(|call| stepped(call, confirmed())).collect());
    let record = record(&commands);
    assert_eq!(record.deliveries.len(), 2);
    assert!(record.publish && record.version == 1 && record.completed_at == Some(START) && !record.open);
    assert_eq!(record.status, DistributionStatus::Completed);
    assert_eq!(commands.len(), 1, "nobody is told before the commit");
    let commands = node.written(id, Written::Recorded);
    assert!(matches!(&commands[..], [Command::Rests { distribution, .. }] if distribution.version == 1));
    assert_eq!(node.engine.in_flight(), 0);
}

#[test]
fn an_outcome_waits_a_moment_for_those_that_are_still_out() {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO, None));
    assert!(
        node.step(vec![stepped(&calls[0], confirmed())]).is_empty(),
        "the other may come"
    );
    let first = node.later(Duration::from_millis(2));
    assert!(!record(&first).publish, "the other one still moves");
    assert!(node.step(vec![stepped(&calls[1], confirmed())]).is_empty());
    let second = node.written(id, Written::Recorded);
    assert!(record(&second).publish && record(&second).history.number == 3);
}

#[test]
fn a_failed_commit_of_what_was_accepted_is_given_again_until_it_succeeds() {
    let mut node = node(KEY, 10);
    let (id, calls) = node.accepted(new(&TWO[..1], None));
    let first = node.step(vec![stepped(&calls[0], confirmed())]);
    assert!(node.step(vec![Input::NotWritten { id }]).is_empty());
    let again = node.later(Duration::from_secs(1));
    assert_eq!(record(&again), record(&first));
    assert!(matches!(
        &node.written(id, Written::Recorded)[..],
        [Command::Rests { .. }]
    ));
}

#[test]
fn scheduled_work_belongs_to_no_node_until_it_is_nearly_due() {
    let mut node = node(KEY, 10);
    let at = START + Duration::from_hours(1);
    let (id, commands) = node.ask(new(&TWO, Some(at)));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!((acceptance.owner, acceptance.due_at), (None, Some(at)));
    assert_eq!(acceptance.distribution.status, DistributionStatus::Pending);
    let stored = acceptance.distribution.clone();
    let commands = node.written(id, Written::Accepted { others: Vec::new() });
    assert!(commands.iter().any(|command| matches!(command, Command::Rests { .. })));
    assert_eq!((node.engine.in_flight(), node.engine.next_timer()), (0, None));

    node.now = at - Duration::from_secs(30);
    assert!(node.step(vec![Input::Adopted(vec![adopted(stored)])]).is_empty());
    assert_eq!(node.engine.next_timer(), Some(at));
    let commands = node.later(Duration::from_secs(30));
    assert!(
        record(&commands)
            .deliveries
            .iter()
            .all(|delivery| delivery.phase == Phase::Intent)
    );
}

fn adopted(distribution: Distribution) -> Adopted {
    Adopted {
        distribution,
        others: Vec::new(),
    }
}

#[test]
fn a_rejected_attempt_is_kept_and_another_one_follows_until_they_are_spent() {
    let mut node = node(KEY, 10);
    let (id, mut calls_out) = node.accepted(new(&TWO[..1], None));
    for attempt in 1..=2 {
        let rejected = StepOutcome::Rejected {
            failure: failure(),
            retry: Retry::Backoff,
            checkpoint: None,
        };
        let commands = node.step(vec![stepped(&calls_out[0], rejected)]);
        let delivery = &record(&commands).deliveries[0];
        assert_eq!(
            (delivery.status, record(&commands).superseded.len()),
            (DeliveryStatus::Retrying, 1)
        );
        assert_eq!(record(&commands).superseded[0].attempt, attempt);
        node.written(id, Written::Recorded);
        let commands = node.later(Duration::from_secs(30));
        assert_eq!(record(&commands).deliveries[0].attempt, attempt + 1);
        calls_out = calls(node.written(id, Written::Recorded));
    }
    let rejected = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    let commands = node.step(vec![stepped(&calls_out[0], rejected)]);
    let record = record(&commands);
    assert_eq!(record.deliveries[0].status, DeliveryStatus::Failed);
    assert!(!record.deliveries[0].holds_claim && record.publish && record.status == DistributionStatus::Failed);
}

#[test]
fn a_long_wait_is_waiting_and_a_deferred_attempt_is_not_spent() {
    let mut node = node(KEY, 10);
    let (_, calls) = node.accepted(new(&TWO, None));
    let after = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::After(Duration::from_secs(50)),
        checkpoint: None,
    };
    let until = START + Duration::from_secs(5);
    let deferred = StepOutcome::Deferred {
        until,
        reason: failure(),
    };
    let commands = node.step(vec![stepped(&calls[0], after), stepped(&calls[1], deferred)]);
    let [first, second] = &record(&commands).deliveries[..] else {
        panic!()
    };
    assert_eq!((first.status, first.attempt), (DeliveryStatus::Waiting, 1));
    assert_eq!(
        (second.status, second.attempt, second.next_attempt_at),
        (DeliveryStatus::Waiting, 0, Some(until))
    );
}

#[test]
fn an_unknown_outcome_goes_to_a_person_where_the_channel_cannot_be_asked() {
    let mut node = node(Dedup::None, 10);
    let (_, calls) = node.accepted(new(&TWO[..1], None));
    let commands = node.step(vec![stepped(&calls[0], StepOutcome::Unknown(failure()))]);
    let record = record(&commands);
    assert_eq!(record.deliveries[0].status, DeliveryStatus::NeedsReview);
    assert!(record.deliveries[0].holds_claim && !record.publish && record.owner.is_none() && record.open);
}

#[test]
fn after_a_crash_an_open_intent_is_unknown_and_a_key_makes_repeating_it_the_look_up() {
    let mut before = node(KEY, 10);
    let (_, commands) = before.ask(new(&TWO[..1], None));
    let [Command::Write(Write::Accept(acceptance))] = &commands[..] else {
        panic!("{commands:?}")
    };
    let mut after = node(KEY, 10);
    let commands = after.step(vec![Input::Adopted(vec![adopted(acceptance.distribution.clone())])]);
    let delivery = &record(&commands).deliveries[0];
    assert_eq!(
        (delivery.status, delivery.phase),
        (DeliveryStatus::InProgress, Phase::Unknown)
    );
    after.written(acceptance.distribution.id, Written::Recorded);
    let repeated = calls(after.later(Duration::from_secs(1)));
    let key = acceptance.distribution.deliveries[0].idempotency_key();
    assert_eq!(
        repeated
            .iter()
            .map(|call| call.delivery.idempotency_key())
            .collect::<Vec<_>>(),
        [key]
    );
}

#[test]
fn an_answer_to_an_older_attempt_is_not_taken_for_this_ones() {
    let mut node = node(KEY, 10);
    let (id, first) = node.accepted(new(&TWO[..1], None));
    let rejected = StepOutcome::Rejected {
        failure: failure(),
        retry: Retry::Backoff,
        checkpoint: None,
    };
    node.step(vec![stepped(&first[0], rejected)]);
    node.written(id, Written::Recorded);
    node.later(Duration::from_secs(1));
    node.written(id, Written::Recorded);
    let commands = node.step(vec![stepped(&first[0], confirmed())]);
    let [Command::Write(Write::Evidence(evidence))] = &commands[..] else {
        panic!("what it proves is kept, and nothing else follows: {commands:?}")
    };
    assert_eq!((evidence.distribution, evidence.attempt), (id, 1));
    let noted = |attempt| Written::Noted {
        channel: TWO[0],
        generation: 1,
        attempt,
    };
    node.written(id, noted(9));
    node.step(vec![Input::NotWritten { id }]);
    let again = node.later(Duration::from_secs(1));
    let is_evidence = |command: &&Command| matches!(command, Command::Write(Write::Evidence(_)));
    assert_eq!(
        again.iter().filter(is_evidence).count(),
        1,
        "until it is kept: {again:?}"
    );
    node.written(id, noted(1));
    node.step(vec![Input::NotWritten { id }]);
    let again = node.later(Duration::from_secs(2));
    assert_eq!(again.iter().filter(is_evidence).count(), 0);
}
