//! Which fault meets which request, and what it does. A channel knows nothing of
//! faults, but for the few that are its own.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channels;

/// The rules that are in force, the first that fits counts.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
}

struct Armed {
    rule: Rule,
    since: Timestamp,
    /// Requests that fitted.
    met: u64,
    /// Requests to which it was applied.
    applied: u64,
}

/// When something goes wrong, and what.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Rule {
    /// The channel's prefix; any where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<String>,
    /// A step of it, such as `publish`; any where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) step: Option<String>,
    /// Only requests whose token ends so, and so those of one account; any where it is
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_end: Option<String>,
    /// Of those that fit, this share; all where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// The first ones pass.
    #[serde(default)]
    pub(crate) after: u64,
    /// At most so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// For so long, from when it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) for_seconds: Option<u64>,
    /// What goes wrong.
    pub(crate) fault: Fault,
}

/// What goes wrong. `perform` says whether the channel does its work all the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// This is answered instead.
    Answer {
        status: u16,
        #[serde(default)]
        body: Value,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        perform: bool,
    },
    /// The answer is late.
    Delay { millis: u64 },
    /// The connection is cut, nothing is done.
    DropBefore,
    /// The work is done, and the connection is cut.
    DropAfter,
    /// The connection is cut, and the work is done so much later: it had been
    /// taken on, and nothing shows it until then.
    PerformLate { seconds: u64 },
    /// No answer ever comes.
    Hang {
        #[serde(default)]
        perform: bool,
    },
    /// Something is answered that is no answer.
    Garbage {
        what: Garbage,
        #[serde(default)]
        perform: bool,
    },
    /// Too many calls, in the channel's own way of saying it.
    Throttle { minutes: u64 },
    /// Instagram: all is as always, and its headers say that so much of the allowance is
    /// used, and in how many minutes there is room again.
    Usage {
        percent: u64,
        #[serde(default)]
        minutes: u64,
    },
    /// Instagram: the container takes so long.
    SlowContainer { seconds: u64 },
    /// Instagram: the container fails.
    ContainerError { subcode: u64 },
    /// Instagram: the container is past its time.
    ContainerExpired,
    /// Gateways: the work is done, and said to be still under way.
    ProcessingConflict,
    /// Gateways: the contract is broken so.
    Deviates { from: Deviation },
    /// 지니TV: the review takes so long.
    SlowReview { seconds: u64 },
    /// 지니TV: the review ends with a no; or, at a look at what is booked, that is
    /// taken back.
    Declined { reason: String },
    /// Kakao Channel: what became of the messages is known so much later.
    SlowResults { seconds: u64 },
    /// Blogs: an XML-RPC fault, with status 200.
    #[serde(rename = "xml-rpc-fault")]
    XmlRpc {
        code: i64,
        #[serde(default)]
        perform: bool,
    },
}

/// What of a gateway's contract is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deviation {
    /// Anybody is let in.
    Token,
    /// A repeated key is taken for a new one.
    Replay,
    /// A key with another request is answered like the first one.
    KeyConflict,
    /// A name or an id that is known is given a second time.
    UniqueName,
    /// What was made is not found.
    LookUp,
    /// Refusals are pages.
    Problems,
    /// Nonsense is taken.
    Validation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Garbage {
    /// A page.
    Html,
    /// JSON without what is needed.
    NoId,
    /// A body without end.
    Endless,
    /// A byte now and then.
    Trickle,
    /// A body that ends in the midst.
    Truncated,
    /// Somewhere else.
    Redirect,
    /// 429 with a wish that nobody can fulfil.
    AbsurdRetryAfter,
}

impl Fault {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Delay { .. } => "delay",
            Self::DropBefore => "drop-before",
            Self::DropAfter => "drop-after",
            Self::PerformLate { .. } => "perform-late",
            Self::Hang { .. } => "hang",
            Self::Garbage { .. } => "garbage",
            Self::Throttle { .. } => "throttle",
            Self::Usage { .. } => "usage",
            Self::SlowContainer { .. } => "slow-container",
            Self::ContainerError { .. } => "container-error",
            Self::ContainerExpired => "container-expired",
            Self::ProcessingConflict => "processing-conflict",
            Self::Deviates { .. } => "deviates",
            Self::SlowReview { .. } => "slow-review",
            Self::Declined { .. } => "declined",
            Self::SlowResults { .. } => "slow-results",
            Self::XmlRpc { .. } => "xml-rpc-fault",
        }
    }
}

/// A rule that can never fit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// No such channel.
    #[error("rules[{0}].channel: {1:?} is no channel; known are {known}", known = channels::names().join(", "))]
    Channel(usize, String),
    /// No such step.
    #[error("rules[{0}].step: {1:?} is no step; known are {2}")]
    Step(usize, String, String),
    /// No share.
    #[error("rules[{0}].probability must be from 0 to 1")]
    Probability(usize),
    /// No status.
    #[error("rules[{0}].fault.status: {1} is no HTTP status; 200 to 599 are")]
    Status(usize, u16),
}

impl Faults {
    /// Puts these in force, from now.
    pub(crate) fn new(rules: Vec<Rule>, now: Timestamp) -> Result<Self, RuleError> {
        for (at, rule) in rules.iter().enumerate() {
            check(at, rule)?;
        }
        let arm = |rule| Armed {
            rule,
            since: now,
            met: 0,
            applied: 0,
        };
        Ok(Self {
            rules: rules.into_iter().map(arm).collect(),
        })
    }

    pub(crate) fn rules(&self) -> Vec<&Rule> {
        self.rules.iter().map(|armed| &armed.rule).collect()
    }

    /// What meets a request to this step of a channel, made with this token.
    pub(crate) fn meet(
        &mut self,
        (channel, step): (&str, &str),
        token: &str,
        now: Timestamp,
        rng: &mut StdRng,
    ) -> Option<Fault> {
        let fits = |rule: &Rule| rule.token_end.as_ref().is_none_or(|end| token.ends_with(end));
        self.rules
            .iter_mut()
            .filter(|armed| fits(&armed.rule))
            .find_map(|armed| armed.applies(channel, step, now, rng).then(|| armed.rule.fault.clone()))
    }
}

impl Armed {
    fn applies(&mut self, channel: &str, step: &str, now: Timestamp, rng: &mut dyn Rng) -> bool {
        let rule = &self.rule;
        let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        if !is(&rule.channel, channel) || !is(&rule.step, step) {
            return false;
        }
        let age = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        let over = rule
            .for_seconds
            .is_some_and(|seconds| age >= Duration::from_secs(seconds));
        let spent = rule.times.is_some_and(|times| self.applied >= times);
        self.met += 1;
        if over || spent || self.met <= rule.after {
            return false;
        }
        let applies = rule.probability.is_none_or(|share| rng.random_bool(share));
        self.applied += u64::from(applies);
        applies
    }
}

fn check(at: usize, rule: &Rule) -> Result<(), RuleError> {
    if let Some(channel) = rule
        .channel
        .as_ref()
        .filter(|name| !channels::names().contains(&name.as_str()))
    {
        return Err(RuleError::Channel(at, channel.clone()));
    }
    if let Some(step) = &rule.step {
        let steps = channels::steps(rule.channel.as_deref());
        if !steps.contains(&step.as_str()) {
            return Err(RuleError::Step(at, step.clone(), steps.join(", ")));
        }
    }
    if rule.probability.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(RuleError::Probability(at));
    }
    match rule.fault {
        Fault::Answer { status, .. } if !(200..600).contains(&status) => Err(RuleError::Status(at, status)),
        _ => Ok(()),
    }
}
