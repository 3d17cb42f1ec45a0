//! Lays what is wrong with a medium to the channels that would have sent it, so
//! that `onInvalid: "skip"` can send to the rest.

use serde_json::Value;

use super::code;
use super::media::MediaKind;
use crate::channel::Channel;
use crate::decode::{FAULTS, kind_at};
use crate::fault::Fault;
use crate::request::DistributeRequest;

/// `faults`, those of a single medium once for every chosen channel that uses
/// it. One that no chosen channel uses stays the request's.
pub(super) fn to_users(body: &Value, request: &DistributeRequest, faults: Vec<Fault>) -> Vec<Fault> {
    let laid: Vec<Fault> = faults.iter().flat_map(|fault| laid(body, request, fault)).collect();
    // So that a hostile body can't make a large answer.
    if laid.len() > FAULTS { faults } else { laid }
}

fn laid(body: &Value, request: &DistributeRequest, fault: &Fault) -> Vec<Fault> {
    // Of two URLs for one field each may be the one that is meant.
    let kind = kind_at(body, &fault.pointer).filter(|_| fault.code != code::AMBIGUOUS_CONTENT_URL);
    let is_user = |channel: &&Channel| kind.is_some_and(|kind| uses(request, **channel, kind));
    let users = request.channels.iter().filter(is_user);
    let laid: Vec<Fault> = users.map(|channel| fault.clone().of(*channel)).collect();
    if laid.is_empty() { vec![fault.clone()] } else { laid }
}

/// Whether `channel` needs the medium of this kind, which could not be read.
fn uses(request: &DistributeRequest, channel: Channel, kind: MediaKind) -> bool {
    let urls = &request.content_urls;
    let to_show = urls.video_url.is_some() || urls.image_url.is_some();
    match channel {
        Channel::NaverBlog | Channel::KakaoChannel => kind == MediaKind::Image,
        Channel::Instagram => on_instagram(request, kind),
        Channel::RingoBiz => kind == MediaKind::Audio,
        // A film is what they show first; they have others in place of the rest.
        Channel::WooridongneTV => kind == MediaKind::Video || !to_show && urls.audio_url.is_none(),
        Channel::GenieTV => kind == MediaKind::Video || kind == MediaKind::Image && !to_show,
    }
}

/// Whether the one that could not be read would be shown there. A picture is shown
/// before a film.
fn on_instagram(request: &DistributeRequest, kind: MediaKind) -> bool {
    let options = request.channel_options.instagram.as_ref();
    let has_carousel = options.is_some_and(|options| !options.image_urls.is_empty());
    match (kind, options.and_then(|options| options.reel)) {
        (MediaKind::Audio, _) => false,
        (MediaKind::Image | MediaKind::Video, Some(true)) => kind == MediaKind::Video,
        (MediaKind::Image | MediaKind::Video, _) if has_carousel => false,
        (MediaKind::Image, None | Some(false)) => true,
        (MediaKind::Video, reel) => reel.is_none() && request.content_urls.image_url.is_none(),
    }
}
