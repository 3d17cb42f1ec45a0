//! Simulated channels: each keeps the truth about what came to be, answers as
//! its kind does, and may lie by silence.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Observation, Protocol, Retry, StepOutcome, WithdrawOutcome};
use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{Checkpoint, Failure, Phase};
use fanfare_core::engine::{Call, ChannelSettings};
use fanfare_core::ids::TenantId;
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::resilience::breaker::{BreakerSettings, SlidingWindow};
use fanfare_core::resilience::rate_limiter::RateLimit;
use fanfare_core::text::Text;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::json;

/// A call is over after this time, and has had its effect by then, if any.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// How the six behave: two of each kind of deduplication, one of each with a
/// preparing step first. [`LATE`] also has a step after the one with the effect.
pub(crate) const SETTINGS: [ChannelSettings; Channel::ALL.len()] = [
    observed(settings(true, KEY)),
    settings(false, KEY),
    settings(true, Dedup::LookUp { settle: SETTLE }),
    settings(false, Dedup::LookUp { settle: SETTLE }),
    settings(true, Dedup::None),
    apart(settings(false, Dedup::None)),
];

/// Ages at which it is asked.
const LOOKS: &[Duration] = &[Duration::from_secs(30), Duration::from_mins(3)];

/// Takes work back now and then, and says so when it is asked.
pub(crate) const FICKLE: Channel = Channel::ALL[0];

/// Takes work on and may do it only [`LATE_EFFECT`] after the call is over, as
/// Instagram might: a look that finds nothing proves nothing, until a second one,
/// [`SECOND_LOOK`] after it, finds nothing either.
pub(crate) const LATE: Channel = Channel::Instagram;

const LATE_EFFECT: Duration = Duration::from_secs(40);
const SECOND_LOOK: Duration = Duration::from_mins(1);

/// Of each channel, for all nodes together.
pub(crate) const QUOTA: RateLimit = RateLimit {
    limit_for_period: NonZeroU32::new(12).unwrap(),
    limit_refresh_period: Duration::from_mins(1),
};

/// Quick to open and quick to look again, so that a short run has all of it.
pub(crate) const BREAKER: BreakerSettings = BreakerSettings {
    sliding_window: SlidingWindow::Time {
        buckets: 6,
        bucket: Duration::from_secs(10),
    },
    minimum_number_of_calls: 6,
    failure_rate_threshold: 60,
    slow_call_rate_threshold: 100,
    slow_call_duration_threshold: Duration::from_secs(9),
    consecutive_failures: 3,
    permitted_number_of_calls_in_half_open_state: 1,
    max_wait_duration_in_half_open_state: Duration::from_secs(20),
    wait_duration_in_open_state: Duration::from_secs(5),
    max_wait_duration_in_open_state: Duration::from_secs(90),
};

const KEY: Dedup = Dedup::Key {
    window: Duration::from_hours(24),
};

const SETTLE: Duration = Duration::from_secs(2);

const fn settings(first_step_has_effect: bool, dedup: Dedup) -> ChannelSettings {
    let protocol = Protocol {
        first_step_has_effect,
        dedup,
        observed_at: &[],
    };
    ChannelSettings {
        concurrency: 3,
        rate_limit: Some(QUOTA),
        protocol,
        accounts_apart: false,
    }
}

/// As blogs are.
const fn apart(settings: ChannelSettings) -> ChannelSettings {
    ChannelSettings {
        accounts_apart: true,
        ..settings
    }
}

const fn observed(settings: ChannelSettings) -> ChannelSettings {
    ChannelSettings {
        protocol: Protocol {
            observed_at: LOOKS,
            ..settings.protocol
        },
        ..settings
    }
}

/// What the channels know.
#[derive(Default)]
pub(crate) struct Channels {
    /// By our key: what came to be, how often, and for which event.
    effects: BTreeMap<(Channel, String), Effect>,
    /// Out of order until then, for all or with one tenant's account.
    down_until: BTreeMap<(Channel, Option<TenantId>), Timestamp>,
}

struct Effect {
    event: String,
    times: u32,
    /// It was taken down; under its key it does not come to be again.
    withdrawn: bool,
    /// The channel took it back, unasked.
    taken_back: bool,
}

/// What a call comes to: an answer, and an effect that may come later than it.
pub(crate) struct Came {
    pub(crate) outcome: StepOutcome,
    /// From the call.
    pub(crate) answered_after: Duration,
    pub(crate) effect_after: Option<Duration>,
}

impl Came {
    fn soon(outcome: StepOutcome, rng: &mut StdRng) -> Self {
        Self {
            outcome,
            answered_after: Duration::from_millis(rng.random_range(1..3_000)),
            effect_after: None,
        }
    }

    /// The effect comes with the answer, or while it travels.
    fn with_effect(outcome: StepOutcome, rng: &mut StdRng) -> Self {
        let came = Self::soon(outcome, rng);
        Self {
            effect_after: Some(came.answered_after.mul_f64(rng.random_range(0.0..1.0))),
            ..came
        }
    }
}

impl Channels {
    /// Runs a step.
    pub(crate) fn step(&self, call: &Call, peaceful: bool, now: Timestamp, rng: &mut StdRng) -> Came {
        let channel = call.delivery.channel;
        let settings = SETTINGS[channel.index()];
        let stage = call
            .delivery
            .checkpoint
            .as_ref()
            .and_then(|checkpoint| checkpoint.0["stage"].as_str());
        let prepares = !settings.protocol.first_step_has_effect && stage.is_none();
        let reads = stage == Some("published");
        assert!(
            prepares || reads || call.delivery.phase != Phase::Planned,
            "I3: {channel} would act without an intent"
        );
        if !peaceful && self.is_down(call, now) {
            return self.out_of_order(call, rng);
        }
        let luck = if peaceful { 100 } else { rng.random_range(0..100) };
        if prepares {
            return Came::soon(prepared(luck, now, rng), rng);
        }
        if reads {
            let outcome = match luck {
                0..20 => StepOutcome::Pending {
                    poll_after: Duration::from_secs(3),
                },
                _ => StepOutcome::Confirmed(receipt(call)),
            };
            return Came::soon(outcome, rng);
        }
        self.effecting(call, luck, now, rng)
    }

    /// It is out of order for a while.
    pub(crate) fn goes_down(&mut self, channel: Channel, account: Option<TenantId>, until: Timestamp) {
        self.down_until.insert((channel, account), until);
    }

    fn is_down(&self, call: &Call, now: Timestamp) -> bool {
        let accounts = [None, Some(call.tenant.clone())];
        accounts.into_iter().any(|account| {
            let until = self.down_until.get(&(call.delivery.channel, account));
            until.is_some_and(|until| now < *until)
        })
    }

    /// Nothing has an effect, and some of it is said.
    fn out_of_order(&self, call: &Call, rng: &mut StdRng) -> Came {
        let said = call.delivery.phase != Phase::Unknown && !self.has_effect(call) && rng.random_range(0..2) == 0;
        let outcome = if said {
            rejected(Retry::Backoff)
        } else {
            StepOutcome::Unknown(failure("outcome_unknown"))
        };
        Came::soon(outcome, rng)
    }

    fn effecting(&self, call: &Call, luck: u32, now: Timestamp, rng: &mut StdRng) -> Came {
        let untouched = !self.has_effect(call);
        let unknown = || StepOutcome::Unknown(failure("outcome_unknown"));
        match luck {
            // It is done, and the answer is lost.
            0..8 => Came {
                outcome: unknown(),
                answered_after: CALL_DEADLINE,
                effect_after: Some(CALL_DEADLINE.mul_f64(rng.random_range(0.0..1.0))),
            },
            // It is taken on, and done when nobody waits for it any more.
            8..12 if call.delivery.channel == LATE => Came {
                outcome: unknown(),
                answered_after: Duration::from_secs(1),
                effect_after: Some(LATE_EFFECT.mul_f64(rng.random_range(0.0..1.0))),
            },
            8..16 => Came::soon(unknown(), rng),
            16..30 if untouched => {
                let retry = if luck < 20 {
                    Retry::After(Duration::from_secs(45))
                } else {
                    Retry::Backoff
                };
                Came::soon(rejected(retry), rng)
            }
            30..33 if untouched => Came::soon(rejected(Retry::Never), rng),
            33..36 if untouched => Came::soon(deferred(now, rng), rng),
            36..38 if untouched => Came::soon(handed_off(now, luck), rng),
            _ if call.delivery.channel == LATE => {
                let published = StepOutcome::Advanced {
                    checkpoint: Checkpoint(json!({"stage": "published"})),
                    next_has_effect: false,
                };
                Came::with_effect(published, rng)
            }
            _ => Came::with_effect(StepOutcome::Confirmed(receipt(call)), rng),
        }
    }

    pub(crate) fn look_up(&self, call: &Call, peaceful: bool, now: Timestamp, rng: &mut StdRng) -> LookUpOutcome {
        let checkpoint = call.delivery.checkpoint.clone();
        let published = checkpoint
            .as_ref()
            .is_some_and(|checkpoint| checkpoint.0["stage"] == "published");
        if !peaceful && (self.is_down(call, now) || rng.random_range(0..100) < 25) {
            return LookUpOutcome::Unknown(failure("outcome_unknown"));
        }
        if published || self.has_effect(call) {
            return LookUpOutcome::Found(receipt(call));
        }
        if call.delivery.channel != LATE {
            return LookUpOutcome::Absent { checkpoint };
        }
        let before = checkpoint
            .as_ref()
            .and_then(|checkpoint| checkpoint.0["absent_at"].as_str());
        let before: Option<Timestamp> = before.and_then(|text| text.parse().ok());
        // By the channel's own clock, which is the true one.
        if before.is_some_and(|before| now.duration_since(before).unsigned_abs() >= SECOND_LOOK) {
            let prepared = Checkpoint(json!({"stage": "prepared"}));
            return LookUpOutcome::Absent {
                checkpoint: Some(prepared),
            };
        }
        LookUpOutcome::Pending {
            checkpoint: Checkpoint(json!({"stage": "prepared", "absent_at": before.unwrap_or(now).to_string()})),
            look_after: SECOND_LOOK + SECOND_LOOK / 4,
        }
    }

    /// How often anything came to be, for each event on each channel.
    pub(crate) fn effects_by_event(&self) -> BTreeMap<(String, Channel), u64> {
        let mut times = BTreeMap::new();
        for ((channel, _), effect) in self.effects.iter().filter(|(_, effect)| !effect.withdrawn) {
            *times.entry((effect.event.clone(), *channel)).or_default() += u64::from(effect.times);
        }
        times
    }

    /// What came to be more than once under one key of ours.
    pub(crate) fn doubled(&self) -> Vec<&(Channel, String)> {
        let doubled = self.effects.iter().filter(|(_, effect)| effect.times > 1);
        doubled.map(|(key, _)| key).collect()
    }

    /// And is still there.
    pub(crate) fn came_to_be(&self, channel: Channel, key: &str) -> bool {
        let effect = self.effects.get(&(channel, key.to_owned()));
        effect.is_some_and(|effect| !effect.withdrawn)
    }

    fn has_effect(&self, call: &Call) -> bool {
        let key = call.delivery.idempotency_key();
        self.effects.contains_key(&(call.delivery.channel, key))
    }

    /// The channel took it back, unasked.
    pub(crate) fn was_taken_back(&self, channel: Channel, key: &str) -> bool {
        let effect = self.effects.get(&(channel, key.to_owned()));
        effect.is_some_and(|effect| effect.taken_back)
    }

    /// Says what became of what it took. Now and then that is nothing, which it keeps to.
    pub(crate) fn observe(&mut self, call: &Call, peaceful: bool, now: Timestamp, rng: &mut StdRng) -> Observation {
        let channel = call.delivery.channel;
        let luck = if peaceful { 100 } else { rng.random_range(0..100) };
        if luck < 20 || !peaceful && self.is_down(call, now) {
            return Observation::unknown(failure("outcome_unknown"));
        }
        let effect = named(call).and_then(|name| self.effects.get_mut(&(channel, name)));
        let Some(effect) = effect.filter(|effect| !effect.withdrawn || effect.taken_back) else {
            return Observation::unknown(failure("outcome_unknown"));
        };
        if luck < 40 {
            (effect.withdrawn, effect.taken_back) = (true, true);
        }
        if effect.taken_back {
            return Observation::Declined {
                failure: failure("declined"),
                checkpoint: None,
            };
        }
        let state = if luck < 60 {
            ChannelState::Accepted
        } else {
            ChannelState::Live
        };
        Observation::Stands {
            receipt: Receipt {
                state,
                ..call.delivery.receipt.clone().unwrap_or_else(|| receipt(call))
            },
            checkpoint: None,
        }
    }

    /// Takes down what the delivery's receipt names.
    pub(crate) fn withdraw(
        &self,
        call: &Call,
        peaceful: bool,
        now: Timestamp,
        rng: &mut StdRng,
    ) -> (WithdrawOutcome, Option<Duration>) {
        let channel = call.delivery.channel;
        let refused = |retry| WithdrawOutcome::Refused {
            failure: failure("channel_unavailable"),
            retry,
        };
        let unknown = || WithdrawOutcome::Unknown(failure("outcome_unknown"));
        let Some(name) = named(call) else {
            return (refused(Retry::Never), None);
        };
        let is_down = !peaceful && self.is_down(call, now);
        let luck = if peaceful { 100 } else { rng.random_range(0..100) };
        let soon = CALL_DEADLINE.mul_f64(rng.random_range(0.0..1.0));
        match luck {
            0..15 if !is_down => (unknown(), Some(soon)),
            _ if is_down && luck % 2 == 0 => (refused(Retry::Backoff), None),
            0..25 => (unknown(), None),
            _ if is_down => (unknown(), None),
            _ if !self.came_to_be(channel, &name) => (WithdrawOutcome::Gone, None),
            25..35 => (refused(Retry::Backoff), None),
            35..40 => (refused(Retry::Never), None),
            // Done before the answer travels.
            _ => (WithdrawOutcome::Gone, Some(Duration::ZERO)),
        }
    }

    pub(crate) fn take_down(&mut self, call: &Call) {
        let effect = named(call).and_then(|name| self.effects.get_mut(&(call.delivery.channel, name)));
        if let Some(effect) = effect {
            effect.withdrawn = true;
        }
    }

    pub(crate) fn take_effect(&mut self, call: &Call) {
        let delivery = &call.delivery;
        let knows_keys = SETTINGS[delivery.channel.index()].protocol.dedup == KEY;
        let effect = self
            .effects
            .entry((delivery.channel, delivery.idempotency_key()))
            .or_insert_with(|| Effect {
                event: call.request.request.event_id.as_str().to_owned(),
                times: 0,
                withdrawn: false,
                taken_back: false,
            });
        effect.times = if knows_keys { 1 } else { effect.times + 1 };
    }
}

/// By which name what is live is taken down: the channel's own, where it gave one.
fn named(call: &Call) -> Option<String> {
    call.delivery.receipt.as_ref()?.fields.post_id.clone()
}

fn prepared(luck: u32, now: Timestamp, rng: &mut StdRng) -> StepOutcome {
    match luck {
        0..5 => StepOutcome::Pending {
            poll_after: Duration::from_secs(2),
        },
        5..10 => rejected(Retry::Backoff),
        10..13 => deferred(now, rng),
        13..15 => rejected(Retry::Never),
        _ => StepOutcome::Advanced {
            checkpoint: Checkpoint(json!({"stage": "prepared"})),
            next_has_effect: true,
        },
    }
}

fn receipt(call: &Call) -> Receipt {
    let post_id = Some(call.delivery.idempotency_key());
    let state = if call.delivery.channel == FICKLE {
        ChannelState::Accepted
    } else {
        ChannelState::Live
    };
    Receipt {
        state,
        fields: ResultFields {
            post_id,
            ..ResultFields::default()
        },
    }
}

fn rejected(retry: Retry) -> StepOutcome {
    StepOutcome::Rejected {
        failure: failure("channel_unavailable"),
        retry,
        checkpoint: None,
    }
}

/// Some have a time by which they are to be done; nobody does them.
fn handed_off(now: Timestamp, luck: u32) -> StepOutcome {
    StepOutcome::NeedsAction {
        task: failure("hand_off"),
        until: (luck == 36).then(|| now + Duration::from_mins(3)),
    }
}

fn deferred(now: Timestamp, rng: &mut dyn Rng) -> StepOutcome {
    let seconds = rng.random_range(5..400);
    StepOutcome::Deferred {
        until: now + Duration::from_secs(seconds),
        reason: failure("night_hours"),
    }
}

fn failure(code: &'static str) -> Failure {
    Failure::new(code, Text::new("Simulated.", "모의 상황입니다."))
}
