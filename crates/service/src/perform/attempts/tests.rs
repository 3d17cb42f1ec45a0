//! What commits say of attempts, as the engine really writes them.

use std::num::NonZeroU32;

use fanfare_core::attempt::{Dedup, Evidence, Observation, Proof, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::Checkpoint;
use fanfare_core::engine::{Ask, AskId, Call, Command, Engine, Input, NewDistribution};
use fanfare_core::ids::{EventId, Incarnation, TenantId};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::request::{CanonicalRequest, ChannelOptions, Content, ContentUrls, DistributeRequest, OnInvalid};
use fanfare_core::resilience::breaker::BreakerAction;
use fanfare_core::sending::{SendingAction, SendingScope};
use fanfare_core::write::{Adopted, Written};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::*;
use crate::config::Config;

const CHANNEL: Channel = Channel::Instagram;

/// When a channel is asked what became of what it accepted.
const AGES: &[Duration] = &[Duration::from_secs(10)];

/// An engine whose every write is committed at once.
struct Node {
    engine: Engine,
    now: Timestamp,
    rng: StdRng,
    /// What the database holds.
    stands: Option<Distribution>,
    /// What has come to rest.
    rests: Option<Distribution>,
    said: Vec<Said>,
    waits: Vec<(Channel, Duration)>,
    calls: Vec<Call>,
}

impl Node {
    /// With so many places in each lane.
    fn new(places: usize, dedup: Dedup) -> Self {
        let protocol = Protocol {
            first_step_has_effect: true,
            dedup,
            observed_at: AGES,
        };
        let mut settings = Config::default().engine_settings([protocol; Channel::ALL.len()]);
        settings
            .channels
            .iter_mut()
            .for_each(|channel| channel.concurrency = places);
        Self {
            engine: Engine::new(settings, Incarnation(1)),
            now: Timestamp::UNIX_EPOCH,
            rng: StdRng::seed_from_u64(1),
            stands: None,
            rests: None,
            said: Vec::new(),
            waits: Vec::new(),
            calls: Vec::new(),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(seconds)).unwrap();
    }

    fn accept(&mut self) {
        let id = DistributionId::new(self.now, &mut self.rng);
        let new = Box::new(new());
        self.take(Input::Accept { id, new });
    }

    /// The call that is under way ends so.
    fn ends(&mut self, outcome: StepOutcome) {
        let reference = self.calls.remove(0).reference();
        self.take(Input::Stepped { reference, outcome });
    }

    fn take(&mut self, input: Input) {
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let commands = self.engine.step(std::mem::take(&mut inputs), self.now, &mut self.rng);
            inputs = commands
                .into_iter()
                .filter_map(|command| self.perform(command))
                .collect();
        }
    }

    fn perform(&mut self, command: Command) -> Option<Input> {
        match command {
            Command::Write(write) => {
                let accepted = matches!(write, Write::Accept(_));
                if let Write::Record(record) = &write {
                    self.said.push(said_by(record));
                }
                let others = Vec::new();
                let written = if accepted {
                    Written::Accepted { others }
                } else {
                    Written::Recorded
                };
                return Some(Input::Written {
                    id: write.id(),
                    written,
                });
            }
            Command::Moves { distribution, .. } => {
                let before = self.stands.take().filter(|before| before.id == distribution.id);
                self.waits.extend(waits(before.as_ref(), &distribution));
                self.stands = Some(Distribution::clone(&distribution));
            }
            Command::Rests { distribution, .. } => self.rests = Some(Distribution::clone(&distribution)),
            Command::Step(call) | Command::Withdraw(call) | Command::Observe(call) => self.calls.push(call),
            _ => {}
        }
        None
    }

    /// The one attempt that has ended so far.
    fn ended(&self) -> &Ended {
        let ended: Vec<_> = self.said.iter().flat_map(|said| &said.ended).collect();
        assert_eq!(ended.len(), 1, "{ended:?}");
        ended[0]
    }
}

fn new() -> NewDistribution {
    let request = DistributeRequest {
        event_id: EventId::new("evt-1"),
        channels: vec![CHANNEL],
        content_urls: ContentUrls::default(),
        content: Content::default(),
        channel_options: ChannelOptions::default(),
        scheduled_at: None,
        on_invalid: OnInvalid::Reject,
        allow_repeat: false,
    };
    NewDistribution {
        tenant: TenantId::default(),
        request: CanonicalRequest::new(request),
        skipped: Vec::new(),
        modes: [Mode::Live; Channel::ALL.len()],
        idempotency_key: None,
    }
}

fn confirmed() -> StepOutcome {
    StepOutcome::Confirmed(Receipt {
        state: ChannelState::Live,
        fields: ResultFields::default(),
    })
}

fn looked_up() -> Dedup {
    Dedup::LookUp { settle: Duration::ZERO }
}

/// After three seconds its attempt ends so.
fn after(outcome: StepOutcome) -> Node {
    let mut node = Node::new(1, Dedup::None);
    node.accept();
    node.pass(3);
    node.ends(outcome);
    node
}

#[test]
fn a_success_is_an_outcome_too() {
    let node = after(confirmed());
    let ended = node.ended();
    assert_eq!(
        (ended.outcome, ended.attempt, ended.mode),
        (DeliveryStatus::Success, 1, Mode::Live)
    );
    assert_eq!((ended.took, &ended.code), (Some(Duration::from_secs(3)), &None));
    let last = node.said.last().unwrap();
    assert!(last.first_outcome);
    assert_eq!(last.came_to, [(CHANNEL, DeliveryStatus::Success)]);
}

#[test]
fn one_that_is_tried_again_has_ended_with_its_reason() {
    let node = after(StepOutcome::Rejected {
        failure: cause::CHANNEL_UNAVAILABLE.failure().said("503 canary"),
        retry: Retry::Backoff,
        checkpoint: None,
    });
    let ended = node.ended();
    assert_eq!((ended.outcome, ended.attempt), (DeliveryStatus::Retrying, 1));
    assert_eq!(ended.took, Some(Duration::from_secs(3)));
    assert_eq!(ended.code.as_deref(), Some("channel_unavailable"));
    assert_eq!(ended.channel_code.as_deref(), Some("503"));
    assert!(ended.next_attempt_at.is_some_and(|at| at >= node.now));
    let last = node.said.last().unwrap();
    assert!(!last.first_outcome && last.came_to.is_empty(), "it moves: {last:?}");
}

#[test]
fn what_is_tried_again_much_later_has_ended_and_waits() {
    let node = after(StepOutcome::Rejected {
        failure: cause::RATE_LIMITED.failure(),
        retry: Retry::After(Duration::from_mins(10)),
        checkpoint: None,
    });
    let ended = node.ended();
    assert_eq!((ended.outcome, ended.attempt), (DeliveryStatus::Waiting, 1));
    assert_eq!(ended.took, Some(Duration::from_secs(3)));
    assert_eq!(node.said.last().unwrap().came_to, [(CHANNEL, DeliveryStatus::Waiting)]);
}

#[test]
fn what_is_held_back_is_not_spent() {
    let until = Timestamp::UNIX_EPOCH + Duration::from_hours(1);
    let reason = cause::QUOTA_EXHAUSTED.failure();
    let node = after(StepOutcome::Deferred { until, reason });
    let ended = node.ended();
    assert_eq!(
        (ended.outcome, ended.attempt, ended.took),
        (DeliveryStatus::Waiting, 1, None)
    );
    assert_eq!(ended.next_attempt_at, Some(until));
}

#[test]
fn what_a_person_must_look_at_has_ended() {
    let node = after(StepOutcome::Unknown(cause::OUTCOME_UNKNOWN.failure()));
    assert_eq!(node.ended().outcome, DeliveryStatus::NeedsReview);
}

#[test]
fn one_that_a_breaker_holds_back_between_two_steps_goes_on() {
    let mut node = Node::new(1, looked_up());
    node.accept();
    let (channel, action) = (CHANNEL, BreakerAction::ForceOpen);
    node.take(Input::BreakerOrdered { channel, action });
    node.ends(StepOutcome::Advanced {
        checkpoint: Checkpoint(json!({})),
        next_has_effect: true,
    });
    let last = node.said.last().unwrap();
    assert_eq!(last.came_to, [(CHANNEL, DeliveryStatus::Waiting)]);
    assert_eq!(last.ended, []);
}

#[test]
fn what_waits_on_for_something_else_has_not_come_to_it_again() {
    let until = Timestamp::UNIX_EPOCH + Duration::from_mins(10);
    let reason = cause::QUOTA_EXHAUSTED.failure();
    let mut node = after(StepOutcome::Deferred { until, reason });
    // It left the memory meanwhile.
    node.pass(600);
    let distribution = node.rests.clone().unwrap();
    let (scope, action) = (SendingScope::All, SendingAction::Stop);
    let stop = || Input::SendingOrdered {
        scope: scope.clone(),
        action,
    };
    node.take(stop());
    let others = Vec::new();
    node.take(Input::Adopted(vec![Adopted { distribution, others }]));
    // Its time has come: the next turn sees it.
    node.take(stop());
    let stands = node.rests.as_ref().and_then(|stands| stands.delivery(CHANNEL)).unwrap();
    assert!(stands.waits_for(cause::SENDING_STOPPED.code), "{stands:?}");
    let came_to: Vec<_> = node.said.iter().flat_map(|said| &said.came_to).collect();
    assert_eq!(came_to, [&(CHANNEL, DeliveryStatus::Waiting)]);
}

#[test]
fn an_outcome_that_was_only_looked_up_is_no_attempt() {
    let mut node = after(StepOutcome::Rejected {
        failure: cause::CONTENT_REJECTED.failure(),
        retry: Retry::Never,
        checkpoint: None,
    });
    assert_eq!(node.ended().outcome, DeliveryStatus::Failed);
    let StepOutcome::Confirmed(receipt) = confirmed() else {
        unreachable!()
    };
    let distribution = node.rests.clone().unwrap();
    let evidence = Evidence {
        tenant: distribution.tenant.clone(),
        distribution: distribution.id,
        channel: CHANNEL,
        generation: 1,
        attempt: 1,
        proof: Proof::Receipt(receipt),
        at: node.now,
        token: Incarnation(1),
    };
    node.take(Input::Asked {
        ask: AskId(0),
        id: distribution.id,
        what: Ask::Retry {
            channels: Vec::new(),
            by: None,
            reason: None,
        },
        adopted: Some(Box::new(Adopted {
            distribution,
            others: Vec::new(),
        })),
        evidence: vec![evidence],
    });
    assert_eq!(node.said.last().unwrap().came_to, [(CHANNEL, DeliveryStatus::Success)]);
    // Of the two generations only the first has an attempt.
    assert_eq!(node.ended().outcome, DeliveryStatus::Failed);
}

#[test]
fn the_wait_for_a_place_counts_from_when_it_was_due() {
    let mut node = Node::new(1, Dedup::None);
    node.accept();
    node.pass(2);
    node.accept();
    assert_eq!(node.waits, [(CHANNEL, Duration::ZERO)]);
    node.pass(5);
    node.ends(confirmed());
    assert_eq!(
        node.waits,
        [(CHANNEL, Duration::ZERO), (CHANNEL, Duration::from_secs(5))]
    );
}

#[test]
fn only_a_code_is_told_of_what_a_channel_said() {
    let code = |said: &str| channel_code(&cause::CHANNEL_UNAVAILABLE.failure().said(said));
    for (said, expected) in [
        ("502 <html>Bad gateway", Some("502")),
        ("190/463 Session has expired", Some("190/463")),
        ("-1021 no such template", Some("-1021")),
        ("123456 is a code", Some("123456")),
        ("1234567 may be a telephone's", None),
        ("12345678 may be, too", None),
        ("190/1234567 as well", None),
        ("01055550101 is no friend", None),
        ("Kim 502", None),
        ("1/2/3", None),
        ("", None),
    ] {
        assert_eq!(code(said).as_deref(), expected, "{said}");
    }
}

/// It is the same attempt's, which has ended.
#[test]
fn a_channel_s_later_word_is_no_attempt() {
    let receipt = |state| Receipt {
        state,
        fields: ResultFields::default(),
    };
    let mut node = Node::new(1, Dedup::None);
    node.accept();
    node.ends(StepOutcome::Confirmed(receipt(ChannelState::Accepted)));
    assert_eq!(node.ended().outcome, DeliveryStatus::Success);
    node.pass(10);
    node.take(Input::NodesCounted(NonZeroU32::MIN));
    let reference = node.calls.remove(0).reference();
    let outcome = Observation::Stands {
        receipt: receipt(ChannelState::Delivered),
        checkpoint: None,
    };
    node.take(Input::Observed { reference, outcome });
    assert_eq!(node.rests.as_ref().unwrap().version, 2);
    assert_eq!(node.ended().attempt, 1, "and no other");
}

/// Each call that is to take it down is an attempt of its own.
#[test]
fn a_withdrawal_s_attempts_are_told_like_others() {
    let mut node = Node::new(1, Dedup::None);
    node.accept();
    node.ends(confirmed());
    node.said.clear();
    let distribution = node.rests.clone().unwrap();
    node.take(Input::Asked {
        ask: AskId(1),
        id: distribution.id,
        what: Ask::Withdraw {
            channel: CHANNEL,
            by: None,
            reason: None,
        },
        adopted: Some(Box::new(Adopted {
            distribution,
            others: Vec::new(),
        })),
        evidence: Vec::new(),
    });
    assert!(node.said.iter().all(|said| said.ended.is_empty()), "it has begun");
    node.pass(2);
    let reference = node.calls.remove(0).reference();
    let outcome = WithdrawOutcome::Refused {
        failure: cause::CHANNEL_UNAVAILABLE.failure().said("502 away"),
        retry: Retry::Backoff,
    };
    node.take(Input::Withdrawn { reference, outcome });
    let ended = node.ended().clone();
    assert_eq!(
        (ended.generation, ended.attempt, ended.outcome, ended.code.as_deref()),
        (2, 1, DeliveryStatus::Success, Some("channel_unavailable"))
    );
    assert_eq!(ended.took, Some(Duration::from_secs(2)));
    assert_eq!(ended.channel_code.as_deref(), Some("502"));
}
