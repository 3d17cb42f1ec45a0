//! Simulated channels: each keeps the truth about what came to be, answers as
//! its kind does, and may lie by silence.

use std::collections::BTreeMap;
use std::time::Duration;

use fanfare_core::attempt::{Dedup, LookUpOutcome, Protocol, Retry, StepOutcome};
use fanfare_core::channel::{Channel, ChannelState};
use fanfare_core::delivery::{Checkpoint, Failure, Phase};
use fanfare_core::engine::{Call, ChannelSettings};
use fanfare_core::receipt::{Receipt, ResultFields};
use fanfare_core::text::Text;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// How the six behave: two of each kind of deduplication, one of each with a
/// preparing step first.
pub(crate) const SETTINGS: [ChannelSettings; Channel::ALL.len()] = [
    settings(true, KEY),
    settings(false, KEY),
    settings(true, Dedup::LookUp { settle: SETTLE }),
    settings(false, Dedup::LookUp { settle: SETTLE }),
    settings(true, Dedup::None),
    settings(false, Dedup::None),
];

const KEY: Dedup = Dedup::Key {
    window: Duration::from_hours(24),
};

const SETTLE: Duration = Duration::from_secs(2);

const fn settings(first_step_has_effect: bool, dedup: Dedup) -> ChannelSettings {
    let protocol = Protocol {
        first_step_has_effect,
        dedup,
    };
    ChannelSettings {
        concurrency: 3,
        protocol,
    }
}

/// What the channels know.
#[derive(Default)]
pub(crate) struct Channels {
    /// By our key: what came to be, how often, and for which event.
    effects: BTreeMap<(Channel, String), Effect>,
}

struct Effect {
    event: String,
    times: u32,
}

impl Channels {
    /// Runs a step. What it does to the world is done now; the answer travels.
    pub(crate) fn step(&mut self, call: &Call, peaceful: bool, now: Timestamp, rng: &mut StdRng) -> StepOutcome {
        let settings = SETTINGS[call.delivery.channel.index()];
        let prepares = !settings.protocol.first_step_has_effect && call.delivery.checkpoint.is_none();
        assert!(
            prepares || call.delivery.phase != Phase::Planned,
            "I3: {} would act without an intent",
            call.delivery.channel
        );
        let luck = if peaceful { 100 } else { rng.random_range(0..100) };
        if prepares {
            return match luck {
                0..5 => StepOutcome::Pending {
                    poll_after: Duration::from_secs(2),
                },
                5..10 => rejected(Retry::Backoff),
                10..13 => deferred(now, rng),
                13..15 => rejected(Retry::Never),
                _ => StepOutcome::Advanced {
                    checkpoint: checkpoint(),
                    next_has_effect: true,
                },
            };
        }
        match luck {
            0..8 => {
                self.take_effect(call);
                StepOutcome::Unknown(failure("outcome_unknown"))
            }
            8..16 => StepOutcome::Unknown(failure("outcome_unknown")),
            16..30 if !self.has_effect(call) => rejected(if luck < 20 {
                Retry::After(Duration::from_secs(45))
            } else {
                Retry::Backoff
            }),
            30..33 if !self.has_effect(call) => rejected(Retry::Never),
            33..36 if !self.has_effect(call) => deferred(now, rng),
            36..38 if !self.has_effect(call) => StepOutcome::NeedsAction(failure("hand_off")),
            _ => {
                self.take_effect(call);
                StepOutcome::Confirmed(receipt(call))
            }
        }
    }

    pub(crate) fn look_up(&self, call: &Call, peaceful: bool, rng: &mut StdRng) -> LookUpOutcome {
        if !peaceful && rng.random_range(0..100) < 25 {
            LookUpOutcome::Unknown(failure("outcome_unknown"))
        } else if self.has_effect(call) {
            LookUpOutcome::Found(receipt(call))
        } else {
            LookUpOutcome::Absent {
                checkpoint: call.delivery.checkpoint.clone(),
            }
        }
    }

    /// How often anything came to be, for each event on each channel.
    pub(crate) fn effects_by_event(&self) -> BTreeMap<(String, Channel), u64> {
        let mut times = BTreeMap::new();
        for ((channel, _), effect) in &self.effects {
            *times.entry((effect.event.clone(), *channel)).or_default() += u64::from(effect.times);
        }
        times
    }

    /// What came to be more than once under one key of ours.
    pub(crate) fn doubled(&self) -> Vec<&(Channel, String)> {
        let doubled = self.effects.iter().filter(|(_, effect)| effect.times > 1);
        doubled.map(|(key, _)| key).collect()
    }

    pub(crate) fn came_to_be(&self, channel: Channel, key: &str) -> bool {
        self.effects.contains_key(&(channel, key.to_owned()))
    }

    fn has_effect(&self, call: &Call) -> bool {
        self.came_to_be(call.delivery.channel, &call.delivery.idempotency_key())
    }

    fn take_effect(&mut self, call: &Call) {
        let delivery = &call.delivery;
        let knows_keys = SETTINGS[delivery.channel.index()].protocol.dedup == KEY;
        let effect = self
            .effects
            .entry((delivery.channel, delivery.idempotency_key()))
            .or_insert_with(|| Effect {
                event: call.request.request.event_id.as_str().to_owned(),
                times: 0,
            });
        effect.times = if knows_keys { 1 } else { effect.times + 1 };
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint(serde_json::json!({ "container": "1" }))
}

fn receipt(call: &Call) -> Receipt {
    let post_id = Some(call.delivery.idempotency_key());
    Receipt {
        state: ChannelState::Live,
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
