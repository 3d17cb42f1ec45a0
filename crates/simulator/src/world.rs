//! All that the simulator remembers: what came to be, what was asked, and what
//! each channel knows.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;

use crate::channels::{Served, contract, gateway, genie_tv, instagram, kakao_channel, naver_blog, ringo_biz};
use crate::exchange::Incoming;
use crate::fault::{Fault, Faults};

/// So many of the newest requests are remembered.
const REQUESTS_KEPT: usize = 10_000;

/// Something that people can see or that costs money.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The channel's prefix, such as `instagram`.
    pub channel: &'static str,
    /// The channel's account that it stands on; where the contract names none, the end
    /// of the token.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// What the caller named it by: its key, its container, its grouping key.
    pub our_id: String,
    /// What the channel named it.
    pub remote_id: String,
    /// When it came to be.
    pub at: Timestamp,
    /// What it says.
    pub content: Value,
    /// Since when it is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

/// A request that was made, and what was answered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    pub(crate) channel: &'static str,
    pub(crate) step: &'static str,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) traceparent: Option<String>,
    /// Nothing where no answer was given.
    pub(crate) status: Option<u16>,
    /// The kind of the fault that met it.
    pub(crate) fault: Option<&'static str>,
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) rng: StdRng,
    pub(crate) faults: Faults,
    pub(crate) known: Known,
    /// Files, by name.
    pub(crate) media: HashMap<String, Bytes>,
    seen: VecDeque<Seen>,
    late: Vec<Late>,
}

/// Work that was taken on and is still to be done.
struct Late {
    due: Timestamp,
    served: &'static Served,
    incoming: Incoming,
    fault: Fault,
}

/// What `reset` forgets.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) effects: Vec<Effect>,
    pub(crate) instagram: instagram::Accounts,
    pub(crate) instagram_tokens: instagram::Tokens,
    /// By prefix.
    pub(crate) keys: BTreeMap<&'static str, contract::Keys>,
    /// By prefix.
    pub(crate) gateways: BTreeMap<&'static str, gateway::Gateway>,
    pub(crate) ringo_biz: ringo_biz::Lines,
    pub(crate) genie_tv: genie_tv::Accounts,
    pub(crate) kakao_channel: kakao_channel::Messages,
    pub(crate) naver_blog: naver_blog::Blogs,
    numbers: u64,
}

impl World {
    pub(crate) fn new(now: Timestamp, rng: StdRng, faults: Faults, media: HashMap<String, Bytes>) -> Self {
        Self {
            now,
            rng,
            faults,
            known: Known::default(),
            media,
            seen: VecDeque::new(),
            late: Vec::new(),
        }
    }

    pub(crate) fn saw(&mut self, seen: Seen) {
        if self.seen.len() == REQUESTS_KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }

    /// Takes work on that is done later, seen by nobody until then.
    pub(crate) fn take_on(&mut self, served: &'static Served, incoming: Incoming, fault: Fault, seconds: u64) {
        let wait = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.late.push(Late {
            due: self.now.saturating_add(wait).unwrap_or(Timestamp::MAX),
            served,
            incoming,
            fault,
        });
    }

    /// Time has passed: does what is due.
    pub(crate) fn is_now(&mut self, now: Timestamp) {
        self.now = now;
        let (due, late): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late| late.due <= now);
        self.late = late;
        for Late {
            served,
            incoming,
            fault,
            ..
        } in due
        {
            (served.handle)(self, &incoming, Some(&fault));
        }
        genie_tv::review(&mut self.known, now);
    }

    /// Newest first.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().rev()
    }

    /// Forgets all but the faults.
    pub(crate) fn reset(&mut self) {
        self.known = Known::default();
        self.seen.clear();
        self.late.clear();
    }
}

impl Known {
    /// It is taken down; says whether it was there. That it was, stays remembered.
    pub(crate) fn withdraw(&mut self, channel: &str, is_it: impl Fn(&Effect) -> bool, now: Timestamp) -> bool {
        let is_there = |effect: &&mut Effect| effect.channel == channel && effect.withdrawn_at.is_none();
        let found = self.effects.iter_mut().filter(is_there).find(|effect| is_it(effect));
        found.map(|effect| effect.withdrawn_at = Some(now)).is_some()
    }

    /// A number that was not given before, for ids.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}
