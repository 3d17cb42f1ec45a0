//! Files that a request may name: any name with a known ending is answered with
//! a small file of that kind, or with the part of it that is asked for.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::Method;

use super::{Served, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::World;

/// 640 × 640 pixels of one grey.
const JPEG: &[u8] = include_bytes!("grey.jpg");

/// Silence of half a second.
const WAV: &[u8] = include_bytes!("silence.wav");

/// The same.
const MP3: &[u8] = include_bytes!("silence.mp3");

/// Fifteen seconds of H.264 and AAC, as its boxes say; there is nothing in it to be played.
const MP4: &[u8] = include_bytes!("empty.mp4");

pub(crate) const SERVED: Served = Served {
    name: "media",
    steps: &["file"],
    step: |incoming| (incoming.method == Method::GET && incoming.path.len() == 1).then_some("file"),
    handle,
    throttled: too_many_requests,
};

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    let name = incoming.path.first().map(String::as_str).unwrap_or_default();
    match file(&world.media, name) {
        Some((kind, bytes)) => part(incoming.header("range"), kind, bytes),
        None => Outgoing::problem(404, "Not Found", "only .jpg, .wav, .mp3, .mp4 and .mov are here"),
    }
}

/// The bytes of a single range (RFC 9110, 14), or all of them.
fn part(range: Option<&str>, kind: &str, bytes: Bytes) -> Outgoing {
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = range.and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last))) else {
        return Outgoing::text(200, kind, bytes);
    };
    let all = bytes.len();
    let end = last
        .parse::<usize>()
        .map_or(all, |last| last.saturating_add(1).min(all));
    if first >= end {
        return Outgoing::text(416, kind, "").with("content-range", format!("bytes */{all}"));
    }
    let range = format!("bytes {first}-{}/{all}", end - 1);
    Outgoing::text(206, kind, bytes.slice(first..end)).with("content-range", range)
}

/// Its content type, and what is in it.
pub(crate) fn file(media: &HashMap<String, Bytes>, name: &str) -> Option<(&'static str, Bytes)> {
    let (kind, stub) = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg") => ("image/jpeg", JPEG),
        Some("png") => ("image/png", &[][..]),
        Some("wav") => ("audio/wav", WAV),
        Some("mp3") => ("audio/mpeg", MP3),
        Some("mp4") => ("video/mp4", MP4),
        Some("mov") => ("video/quicktime", MP4),
        _ => return None,
    };
    let given = media.get(name).cloned();
    Some((kind, given.unwrap_or(Bytes::from_static(stub)))).filter(|(_, bytes)| !bytes.is_empty())
}
