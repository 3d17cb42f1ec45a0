//! All that the simulator remembers: what came to be, what was asked, and what
//! each channel knows.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use rand::rngs::StdRng;
use serde::Serialize;
use serde_json::Value;

use crate::channels::{gateway, genie_tv, instagram, kakao_channel, naver_blog, ringo_biz};
use crate::fault::Faults;

/// So many of the newest requests are remembered.
const REQUESTS_KEPT: usize = 10_000;

/// Something that people can see or that costs money.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The channel's prefix, such as `instagram`.
    pub channel: &'static str,
    /// What the caller named it by: its key, its container, its grouping key.
    pub our_id: String,
    /// What the channel named it.
    pub remote_id: String,
    /// When it came to be.
    pub at: Timestamp,
    /// What it says.
    pub content: Value,
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
    seen: VecDeque<Seen>,
}

/// What `reset` forgets.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) effects: Vec<Effect>,
    pub(crate) instagram: instagram::Accounts,
    /// By prefix.
    pub(crate) gateways: BTreeMap<&'static str, gateway::Gateway>,
    pub(crate) ringo_biz: ringo_biz::Lines,
    pub(crate) genie_tv: genie_tv::Orders,
    pub(crate) kakao_channel: kakao_channel::Messages,
    pub(crate) naver_blog: naver_blog::Blogs,
    numbers: u64,
}

impl World {
    pub(crate) fn new(now: Timestamp, rng: StdRng, faults: Faults) -> Self {
        Self {
            now,
            rng,
            faults,
            known: Known::default(),
            seen: VecDeque::new(),
        }
    }

    pub(crate) fn saw(&mut self, seen: Seen) {
        if self.seen.len() == REQUESTS_KEPT {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }

    /// Newest first.
    pub(crate) fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().rev()
    }

    /// Forgets all but the faults.
    pub(crate) fn reset(&mut self) {
        self.known = Known::default();
        self.seen.clear();
    }
}

impl Known {
    /// A number that was not given before, for ids.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}
