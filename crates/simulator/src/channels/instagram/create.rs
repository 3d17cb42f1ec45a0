//! What Meta makes a container of, and what it refuses: a picture, a film as a Reel,
//! and a carousel of containers that were made before.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use url::Url;

use super::{Account, CONTAINER, Container, DAY, Shows, error};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::picture::{Found, jpeg_size};
use crate::world::Known;

/// A picture is fetched in this time.
const FETCH: SignedDuration = SignedDuration::from_secs(1);

/// A film is fetched and made anew in this time.
const FILM: SignedDuration = SignedDuration::from_secs(3);

const CAPTION_MOST: usize = 2_200;
const MENTIONS_MOST: usize = 20;
const HASHTAGS_MOST: usize = 30;
const CONTAINERS_MOST: usize = 400;
const CHILDREN: RangeInclusive<usize> = 2..=10;
const BYTES_MOST: usize = 8_000_000;
const WIDTHS: RangeInclusive<u32> = 320..=1_440;

/// What is to be made, for faults.
pub(super) fn step(incoming: &Incoming) -> &'static str {
    if is_item(incoming) {
        "child"
    } else if incoming.parameter("media_type").as_deref() == Some("CAROUSEL") {
        "carousel"
    } else {
        "create"
    }
}

fn is_item(incoming: &Incoming) -> bool {
    incoming.parameter("is_carousel_item").as_deref() == Some("true")
}

pub(super) fn answer(
    known: &mut Known,
    account: &str,
    incoming: &Incoming,
    fault: Option<&Fault>,
    now: Timestamp,
) -> Outgoing {
    let number = known.number();
    let account = known.instagram.entry(account.to_owned()).or_default();
    let caption = incoming.parameter("caption");
    let taken = shown(account, incoming, caption.as_deref(), now);
    let (shows, failed) = match taken.and_then(|taken| captioned(caption.as_deref()).map_or(Ok(taken), Err)) {
        Ok(taken) => taken,
        Err(refusal) => return *refusal,
    };
    let recent = account
        .containers
        .values()
        .filter(|container| now.duration_since(container.made) < DAY);
    if recent.count() >= CONTAINERS_MOST {
        return error(9, Some(2_207_042), "too many containers in 24 hours");
    }
    let wait = match (fault, &shows) {
        (Some(Fault::SlowContainer { seconds }), _) => {
            SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX))
        }
        (_, Shows::Reel(_)) => FILM,
        (_, Shows::Picture(_) | Shows::Child(_) | Shows::Carousel(_)) => FETCH,
    };
    let id = format!("{CONTAINER}{number:013}");
    let container = Container {
        shows,
        caption: caption.unwrap_or_default(),
        made: now,
        ready: now.saturating_add(wait).unwrap_or(Timestamp::MAX),
        failed: match fault {
            Some(Fault::ContainerError { subcode }) => Some(*subcode),
            _ => failed,
        },
        expired: matches!(fault, Some(Fault::ContainerExpired)),
        published: false,
    };
    account.containers.insert(id.clone(), container);
    Outgoing::json(200, &json!({ "id": id }))
}

/// What the container shows, and with which subcode it fails once it is fetched.
type Taken = Result<(Shows, Option<u64>), Box<Outgoing>>;

fn shown(account: &Account, incoming: &Incoming, caption: Option<&str>, now: Timestamp) -> Taken {
    let parameter = |name| incoming.parameter(name).unwrap_or_default();
    let (image, video) = (parameter("image_url"), parameter("video_url"));
    match (parameter("media_type").as_str(), is_item(incoming)) {
        ("" | "IMAGE", true) if caption.is_some() => {
            Err(error(100, None, "An item of a carousel has no caption of its own").into())
        }
        ("" | "IMAGE", is_item) => {
            if let Some(refusal) = unreachable(&image, "image_url").or_else(|| not_taken(&image, &incoming.picture)) {
                return Err(refusal.into());
            }
            let shows = if is_item { Shows::Child } else { Shows::Picture };
            Ok((shows(image), None))
        }
        ("CAROUSEL", false) => carousel(account, &parameter("children"), now),
        ("REELS", false) => {
            if let Some(refusal) = unreachable(&video, "video_url") {
                return Err(refusal.into());
            }
            let failed = not_played(&video, &incoming.picture);
            Ok((Shows::Reel(video), failed))
        }
        // Reels are no part of a carousel, and stories are not simulated.
        _ => Err(error(100, Some(2_207_023), "The media type is unknown, or can't be had here").into()),
    }
}

/// Each of them must be made for it, and ready.
fn carousel(account: &Account, children: &str, now: Timestamp) -> Taken {
    let children = listed(children);
    if !CHILDREN.contains(&children.len()) {
        let words = "Your post won't work as a carousel: it needs at least 2 and at most 10 photos or videos";
        return Err(error(100, Some(2_207_028), words).into());
    }
    for child in &children {
        let Some(container) = account.containers.get(child) else {
            return Err(error(24, Some(2_207_008), "The requested resource does not exist").into());
        };
        if !matches!(container.shows, Shows::Child(_)) {
            let words = "Your post won't work as a carousel: a child was not made as an item of one";
            return Err(error(100, Some(2_207_028), words).into());
        }
        match container.status_code(now) {
            "FINISHED" => {}
            "IN_PROGRESS" => return Err(error(9_007, Some(2_207_027), "A child is not ready").into()),
            _ => return Err(error(24, Some(2_207_006), "A child can't be used, or not any more").into()),
        }
    }
    Ok((Shows::Carousel(children), None))
}

/// With commas between them, or as JSON, as Meta's own client writes it.
fn listed(children: &str) -> Vec<String> {
    let separate = |list: &str| {
        let children = list.split(',').map(|child| child.trim().to_owned());
        children.filter(|child| !child.is_empty()).collect()
    };
    serde_json::from_str(children).unwrap_or_else(|_| separate(children))
}

/// What Meta refuses before it fetches anything.
fn unreachable(address: &str, parameter: &str) -> Option<Outgoing> {
    let url = Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        return Some(error(100, None, &format!("The parameter {parameter} is required")));
    };
    url.host_str()
        .is_none_or(|host| host.ends_with(".invalid"))
        .then(not_fetched)
}

fn captioned(caption: Option<&str>) -> Option<Box<Outgoing>> {
    let caption = caption?;
    if caption.chars().count() > CAPTION_MOST {
        return Some(error(36_004, Some(2_207_010), "The caption is too long").into());
    }
    let begins = |sign: char| caption.split_whitespace().filter(|word| word.starts_with(sign)).count();
    (begins('@') > MENTIONS_MOST || begins('#') > HASHTAGS_MOST)
        .then(|| error(100, Some(2_207_040), "Too many tags").into())
}

/// What Meta refuses when it has fetched the picture. One that is not on this machine
/// is judged by its name.
fn not_taken(image: &str, picture: &Found) -> Option<Outgoing> {
    let wrong_kind = || Some(error(36_001, Some(2_207_005), "The image format is not supported"));
    let bytes = match picture {
        Found::Elsewhere => {
            return match ending(image).as_deref() {
                Some("jpg" | "jpeg") => None,
                _ => wrong_kind(),
            };
        }
        Found::Nothing => return Some(not_fetched()),
        Found::File(bytes) => bytes,
    };
    let Some((width, height)) = jpeg_size(bytes) else {
        return wrong_kind();
    };
    if bytes.len() > BYTES_MOST {
        return Some(error(36_000, Some(2_207_004), "The image is too large to download"));
    }
    // 4:5 to 1.91:1.
    let shape = width * 5 >= height * 4 && width * 100 <= height * 191;
    if !shape || !WIDTHS.contains(&width) {
        let words = format!("The aspect ratio or the size is not supported: {width} × {height}");
        return Some(error(36_003, Some(2_207_009), &words));
    }
    None
}

/// A film is fetched later, so its container fails: with this subcode.
fn not_played(video: &str, film: &Found) -> Option<u64> {
    match film {
        Found::Elsewhere => match ending(video).as_deref() {
            Some("mp4" | "mov") => None,
            _ => Some(2_207_026),
        },
        Found::Nothing => Some(2_207_052),
        Found::File(bytes) if bytes.get(4..8) == Some(b"ftyp") => None,
        Found::File(_) => Some(2_207_026),
    }
}

fn ending(address: &str) -> Option<String> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase())
}

fn not_fetched() -> Outgoing {
    let words = "Only photo or video can be accepted: the URI can't be fetched";
    error(9_004, Some(2_207_052), words)
}
