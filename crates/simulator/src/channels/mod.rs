//! The channels, each in a file of its own, and the table that finds them.

pub(crate) mod contract;
pub(crate) mod gateway;
pub(crate) mod genie_tv;
pub(crate) mod instagram;
pub(crate) mod kakao_channel;
pub(crate) mod media;
pub(crate) mod naver_blog;
pub(crate) mod ringo_biz;

use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::World;

/// A channel, as the server knows it.
pub(crate) struct Served {
    /// The first part of its paths.
    pub(crate) name: &'static str,
    /// Its steps, for faults.
    pub(crate) steps: &'static [&'static str],
    /// Which step a request is; nothing where it is none of the channel's.
    pub(crate) step: fn(&Incoming) -> Option<&'static str>,
    /// Does the work. The fault is given for those that are the channel's own.
    pub(crate) handle: fn(&mut World, &Incoming, Option<&Fault>) -> Outgoing,
    /// How it says that it is called too often.
    pub(crate) throttled: fn(u64) -> Outgoing,
}

/// All of them; `gateway` is no channel but a company's own way to any, and
/// `media` serves files that the channels can be told to fetch.
pub(crate) static SERVED: [Served; 8] = [
    instagram::SERVED,
    gateway::WOORIDONGNE_TV,
    ringo_biz::SERVED,
    genie_tv::SERVED,
    kakao_channel::SERVED,
    naver_blog::SERVED,
    gateway::ANY,
    media::SERVED,
];

pub(crate) fn find(name: &str) -> Option<&'static Served> {
    SERVED.iter().find(|served| served.name == name)
}

pub(crate) fn names() -> Vec<&'static str> {
    SERVED.iter().map(|served| served.name).collect()
}

/// Of one channel, or of all.
pub(crate) fn steps(channel: Option<&str>) -> Vec<&'static str> {
    let of = |served: &&Served| channel.is_none_or(|name| served.name == name);
    SERVED
        .iter()
        .filter(of)
        .flat_map(|served| served.steps)
        .copied()
        .collect()
}

/// As most gateways say that they are called too often.
pub(crate) fn too_many_requests(minutes: u64) -> Outgoing {
    let seconds = minutes.saturating_mul(60).to_string();
    Outgoing::problem(429, "Too Many Requests", "slow down").with("retry-after", seconds)
}

/// A token that a channel would take. Two words are kept for trying what happens
/// with one that it would not.
pub(crate) fn is_good(token: Option<&str>) -> bool {
    token.is_some_and(|token| !token.trim().is_empty() && !token.contains("wrong") && !token.contains("expired"))
}
