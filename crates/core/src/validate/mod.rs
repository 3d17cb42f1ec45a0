//! Whether a request can be served: all of its faults, before anything is
//! stored or sent.
//!
//! One file per channel; each limit is one constant there, with its unit and
//! its source. How the body is read is in [`crate::decode`]. What can be known
//! only later (the media's bytes, where a name resolves to, the channel's own
//! opinion) fails that channel then, and is not here.

pub mod code;
pub mod genie_tv;
pub mod instagram;
pub mod kakao_channel;
mod laid;
pub mod media;
pub mod naver_blog;
pub mod naver_post;
pub mod ringo_biz;
mod rule;
pub mod url;
pub mod wooridongne_tv;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use self::media::MediaKind;
pub(crate) use self::rule::korean_date;
use crate::channel::{Channel, Mode};
use crate::decode::{Draft, draft, place_of};
use crate::fault::Fault;
use crate::ids::TenantId;
use crate::request::{DistributeRequest, OnInvalid};
use crate::verified::VerifiedNumbers;

/// What of the configuration bears on acceptance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdmitSettings {
    /// Each channel's mode, by [`Channel::index`].
    pub modes: [Mode; 6],
    /// Hosts of the operator's own storage, `host` or `host:port`; see
    /// [`url::media_url`].
    pub allow_hosts: Vec<String>,
    /// The lines whose ring-back tone may be replaced, where 링고비즈 is live.
    pub verified_numbers: Arc<VerifiedNumbers>,
    /// How many hashtags a post on Instagram may have.
    pub hashtags_max: instagram::HashtagsMax,
    /// What is put around Kakao Channel's messages, where it is live and this
    /// service does it.
    pub kakao_frame: Option<kakao_channel::Frame>,
    /// The recipient list that the request names, where Kakao Channel is live and the
    /// tenant has none of that name.
    pub unknown_list: Option<String>,
    /// Who asks.
    pub tenant: TenantId,
}

/// A request that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What was asked.
    pub request: DistributeRequest,
    /// Channels that can't be served, each with why; they are not sent to. In
    /// the order of the request; empty unless `onInvalid` is `skip`.
    pub skipped: Vec<(Channel, Vec<Fault>)>,
}

/// Reads and checks a body. The request is accepted if nothing is wrong with
/// it, or if it says `skip` and what is wrong concerns some of its channels only.
pub fn admit(body: &Value, settings: &AdmitSettings, now: Timestamp) -> Result<Admitted, Vec<Fault>> {
    let (request, faults) = faults(body, settings, now);
    let Some(request) = request else {
        return Err(faults);
    };
    let concerns_all = faults.iter().any(|fault| fault.channel.is_none());
    let skipped = by_channel(&request.channels, &faults);
    let skips = request.on_invalid == OnInvalid::Skip && !concerns_all && skipped.len() < request.channels.len();
    if faults.is_empty() || skips {
        Ok(Admitted { request, skipped })
    } else {
        Err(faults)
    }
}

/// Reads and checks a body, for the preview, which shows everything: what could
/// be read, and every fault, in the order of the contract's fields.
pub fn faults(body: &Value, settings: &AdmitSettings, now: Timestamp) -> (Option<DistributeRequest>, Vec<Fault>) {
    let (draft, faults) = draft(body, &settings.allow_hosts, now);
    let Some(Draft { has_event, request }) = draft else {
        let mut faults = faults;
        faults.sort_by_key(|fault| rank(&fault.pointer, &[]));
        return (None, faults);
    };
    let mut faults = laid::to_users(body, &request, faults);
    let unread = faults.clone();
    for channel in request.channels.iter().copied() {
        let mode = settings.modes[channel.index()];
        let own = check(&request, channel, mode, now);
        for mut fault in own.into_iter().chain(check_configured(&request, channel, settings)) {
            fault.pointer = place_in(body, fault.pointer);
            let known = unread.iter().any(|unread| is_known(&fault, unread));
            if !known && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults.sort_by_key(|fault| rank(&fault.pointer, &request.channels));
    (has_event.then_some(request), faults)
}

/// What of it the configuration keeps one channel from serving.
fn check_configured(request: &DistributeRequest, channel: Channel, settings: &AdmitSettings) -> Vec<Fault> {
    match (channel, settings.modes[channel.index()]) {
        (Channel::RingoBiz, Mode::Live) => Vec::from_iter(ringo_biz::check_verified(
            request,
            &settings.verified_numbers,
            &settings.tenant,
        )),
        (Channel::Instagram, mode) => instagram::check_hashtags(request, mode, settings.hashtags_max),
        (Channel::KakaoChannel, Mode::Live) => {
            let frame = settings.kakao_frame.as_ref();
            let framed = frame.map(|frame| kakao_channel::check_framed(request, frame));
            let unknown = settings.unknown_list.as_deref();
            let unlisted = unknown.and_then(|unknown| kakao_channel::check_list(request, unknown));
            framed.into_iter().flatten().chain(unlisted).collect()
        }
        _ => Vec::new(),
    }
}

/// Everything that keeps one channel from serving `request`, whatever is configured.
pub fn check(request: &DistributeRequest, channel: Channel, mode: Mode, now: Timestamp) -> Vec<Fault> {
    match channel {
        Channel::WooridongneTV => wooridongne_tv::check(request, mode, now),
        Channel::RingoBiz => ringo_biz::check(request, mode, now),
        Channel::GenieTV => genie_tv::check(request, mode, now),
        Channel::Instagram => instagram::check(request, mode, now),
        Channel::NaverBlog => naver_blog::check(request, mode, now),
        Channel::KakaoChannel => kakao_channel::check(request, mode, now),
    }
}

fn by_channel(channels: &[Channel], faults: &[Fault]) -> Vec<(Channel, Vec<Fault>)> {
    let of = |channel: Channel| {
        let own = |fault: &&Fault| fault.channel == Some(channel);
        let own: Vec<Fault> = faults.iter().filter(own).cloned().collect();
        (channel, own)
    };
    channels
        .iter()
        .map(|channel| of(*channel))
        .filter(|(_, faults)| !faults.is_empty())
        .collect()
}

/// A URL's place where the body has them in an array.
fn place_in(body: &Value, pointer: String) -> String {
    let kind = MediaKind::ALL
        .into_iter()
        .find(|kind| pointer.strip_prefix("/contentUrls/") == Some(kind.field()));
    kind.map_or(pointer, |kind| place_of(body, kind))
}

/// Whether a channel only misses what is there but could not be read.
fn is_known(fault: &Fault, unread: &Fault) -> bool {
    const MEDIA: &str = "/contentUrls";
    const PICTURES: &str = "/channelOptions/Instagram/imageUrls";
    let below = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (pointer, place) = (fault.pointer.as_str(), unread.pointer.as_str());
    let missing = fault.code == code::REQUIRED;
    // What is wrong with a medium laid to a channel is why the channel lacks one.
    let is_medium = below(place, MEDIA) || below(place, PICTURES);
    let own = unread.channel == fault.channel && missing && below(pointer, MEDIA) && is_medium;
    let concerns = unread.channel.is_none() || unread.channel == fault.channel;
    own || concerns && !place.is_empty() && (below(pointer, place) || missing && below(place, pointer))
}

/// The place of a fault's field among the contract's fields, and of its channel
/// among the request's.
fn rank(pointer: &str, channels: &[Channel]) -> (usize, usize) {
    let mut tokens = pointer.split('/').skip(1);
    let field = tokens.next();
    let place = crate::decode::FIELDS.iter().position(|known| field == Some(*known));
    let place = match (place, field) {
        (Some(place), _) => place + 1,
        (None, None) => 0,
        (None, Some(_)) => usize::MAX,
    };
    let channel = tokens.next().filter(|_| field == Some("channelOptions"));
    let chosen = channel.and_then(|name| channels.iter().position(|channel| channel.name() == name));
    (place, chosen.unwrap_or(usize::MAX))
}
