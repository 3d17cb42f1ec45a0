//! Files that a request may name: any name with a known ending is answered with
//! a small file of that kind.

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
        Some((kind, bytes)) => Outgoing::text(200, kind, bytes),
        None => Outgoing::problem(404, "Not Found", "only .jpg, .wav, .mp3 and .mp4 are here"),
    }
}

/// Its content type, and what is in it.
pub(crate) fn file(media: &HashMap<String, Bytes>, name: &str) -> Option<(&'static str, Bytes)> {
    let (kind, stub) = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg") => ("image/jpeg", JPEG),
        Some("png") => ("image/png", &[][..]),
        Some("wav") => ("audio/wav", WAV),
        Some("mp3") => ("audio/mpeg", MP3),
        Some("mp4") => ("video/mp4", &b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"[..]),
        _ => return None,
    };
    let given = media.get(name).cloned();
    Some((kind, given.unwrap_or(Bytes::from_static(stub)))).filter(|(_, bytes)| !bytes.is_empty())
}
