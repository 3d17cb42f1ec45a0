//! Pictures for tests.

use jpeg_encoder::{ColorType, Encoder};

/// Waves, so that it is not all one colour.
fn waves(width: u32, height: u32, channels: u32) -> Vec<u8> {
    let byte = |x: u32, y: u32, channel: u32| u8::try_from((x * (3 + channel) / 2 + y * 2) % 256).unwrap();
    let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| (0..channels).map(move |channel| byte(x, y, channel)))
        .collect()
}

pub(crate) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let rgb = waves(width.into(), height.into(), 3);
    Encoder::new(&mut bytes, 80)
        .encode(&rgb, width, height, ColorType::Rgb)
        .unwrap();
    bytes
}

pub(crate) fn png(width: u32, height: u32, colour: png::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    let channels = u32::try_from(colour.samples()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&waves(width, height, channels)).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The same JPEG with a camera's word on how it was held.
pub(crate) fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

/// As PNG's chunks end with.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

/// A box of a film's.
pub(crate) fn boxed(kind: &str, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], kind.as_bytes(), &content].concat()
}

/// How a film begins.
pub(crate) fn film_type() -> Vec<u8> {
    boxed("ftyp", &[b"mp42\0\0\0\0mp42isom"])
}

/// A film's description, with these tracks: what each is, and how it is coded.
pub(crate) fn description(tracks: &[(&str, &str)], seconds: u32) -> Vec<u8> {
    let [scale, units] = [600_u32, seconds * 600].map(u32::to_be_bytes);
    let head = boxed("mvhd", &[&[0; 12], &scale, &units, &[0; 80]]);
    let tracks = tracks.iter().map(|(handler, codec)| {
        let entry = boxed(codec, &[&[0; 28]]);
        let table = boxed("stbl", &[&boxed("stsd", &[&[0, 0, 0, 0, 0, 0, 0, 1], &entry])]);
        let handler = boxed("hdlr", &[&[0; 8], handler.as_bytes(), &[0; 12]]);
        let media = boxed(
            "mdia",
            &[&boxed("mdhd", &[&[0; 24]]), &handler, &boxed("minf", &[&table])],
        );
        boxed("trak", &[&boxed("tkhd", &[&[0; 84]]), &media])
    });
    let tracks: Vec<u8> = tracks.flatten().collect();
    boxed("moov", &[&head, &tracks])
}
