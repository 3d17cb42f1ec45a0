//! Files that a request may name: any name with a known ending is answered with
//! a small file of that kind.

use hyper::Method;

use super::{Served, too_many_requests};
use crate::exchange::{Incoming, Outgoing};
use crate::fault::Fault;
use crate::world::World;

/// The frame of a picture, without one.
const JPEG: &[u8] = &[
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, b'J', b'F', b'I', b'F', 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00,
    0x00, 0xff, 0xd9,
];

pub(crate) const SERVED: Served = Served {
    name: "media",
    steps: &["file"],
    step: |incoming| (incoming.method == Method::GET && incoming.path.len() == 1).then_some("file"),
    handle,
    throttled: too_many_requests,
};

fn handle(world: &mut World, incoming: &Incoming, _fault: Option<&Fault>) -> Outgoing {
    let name = incoming.path.first().map(String::as_str).unwrap_or_default();
    let (kind, stub) = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("jpg" | "jpeg") => ("image/jpeg", JPEG),
        Some("wav") => ("audio/wav", &b"RIFF\x24\0\0\0WAVEfmt "[..]),
        Some("mp3") => ("audio/mpeg", &b"ID3\x04\0\0\0\0\0\0"[..]),
        Some("mp4") => ("video/mp4", &b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"[..]),
        _ => return Outgoing::problem(404, "Not Found", "only .jpg, .wav, .mp3 and .mp4 are here"),
    };
    match world.media.get(name) {
        Some(file) => Outgoing::text(200, kind, file.clone()),
        None => Outgoing::text(200, kind, stub),
    }
}
