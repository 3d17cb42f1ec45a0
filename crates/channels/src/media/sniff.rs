//! What a file is: by its first bytes, and never by its name or by what its server
//! says. Headers alone are read, before any pixel is.

use std::io::Cursor;

use fanfare_core::picture::{PictureKind, Size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::MediaError;
use super::PIXELS_MAX;

/// A progressive picture that is sent in more steps than this is made to cost time.
const SCANS_MAX: usize = 24;

/// Longest side that a header can name.
const SIDE_MAX: usize = 65_535;

/// Letters of a content type that are shown.
const DECLARED_MAX: usize = 60;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sniffed {
    pub(super) kind: PictureKind,
    /// As people see it; read of JPEG and PNG alone.
    pub(super) size: Option<Size>,
}

/// Looks at a file, of which its server says `declared`.
pub(super) fn sniff(bytes: &[u8], declared: Option<&str>) -> Result<Sniffed, MediaError> {
    let Some(kind) = kind_of(bytes) else {
        return Err(if is_svg(bytes) {
            MediaError::Svg
        } else {
            MediaError::NoPicture
        });
    };
    check_declared(declared, kind.media_type(), |essence| may_be(essence, kind))?;
    let (width, height, turned) = match kind {
        PictureKind::Jpeg => {
            let decoder = jpeg(bytes)?;
            let (width, height) = decoder.dimensions().unwrap_or_default();
            let turn = decoder.exif().map_or(1, |exif| orientation(exif));
            (width as u64, height as u64, turn >= 5)
        }
        PictureKind::Png => {
            let mut decoder = png::Decoder::new(Cursor::new(bytes));
            let header = decoder.read_header_info().map_err(broken)?;
            (header.width.into(), header.height.into(), false)
        }
        // No channel with limits of size takes them, and they are never decoded.
        PictureKind::Gif | PictureKind::Webp => return Ok(Sniffed { kind, size: None }),
    };
    let narrowed = |length: u64| u32::try_from(length).ok();
    let within = width.saturating_mul(height) <= PIXELS_MAX;
    let size = match (narrowed(width), narrowed(height)) {
        (Some(0), _) | (_, Some(0)) => return Err(MediaError::Broken("it has no pixels".to_owned())),
        (Some(width), Some(height)) if within && turned => Size {
            width: height,
            height: width,
        },
        (Some(width), Some(height)) if within => Size { width, height },
        _ => return Err(MediaError::TooManyPixels(width, height)),
    };
    Ok(Sniffed { kind, size: Some(size) })
}

/// A decoder that has read the headers.
pub(super) fn jpeg(bytes: &[u8]) -> Result<JpegDecoder<ZCursor<&[u8]>>, MediaError> {
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_max_scans(SCANS_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    Ok(decoder)
}

pub(super) fn broken(error: impl std::fmt::Display) -> MediaError {
    let words: String = error.to_string().chars().take(200).collect();
    MediaError::Broken(words)
}

fn kind_of(bytes: &[u8]) -> Option<PictureKind> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(PictureKind::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(PictureKind::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(PictureKind::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PictureKind::Webp),
        _ => None,
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(1_024)]);
    beginning.contains("<svg")
}

/// Refuses what its server calls something else than it is: `may_be` takes the
/// content type without its parameters, in small letters. Stores that know nothing
/// say `…/octet-stream`.
pub(super) fn check_declared(
    declared: Option<&str>,
    is: &'static str,
    may_be: impl FnOnce(&str) -> bool,
) -> Result<(), MediaError> {
    let Some(declared) = declared else { return Ok(()) };
    let essence = declared.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    if essence.is_empty() || essence.ends_with("/octet-stream") || may_be(&essence) {
        return Ok(());
    }
    let declared = declared.chars().take(DECLARED_MAX).collect();
    Err(MediaError::Lying { declared, is })
}

/// Whether a server that knows what it has could call it so.
fn may_be(essence: &str, kind: PictureKind) -> bool {
    match kind {
        PictureKind::Jpeg => matches!(essence, "image/jpeg" | "image/jpg" | "image/pjpeg"),
        PictureKind::Png => matches!(essence, "image/png" | "image/x-png" | "image/apng"),
        PictureKind::Gif | PictureKind::Webp => essence == kind.media_type(),
    }
}

/// How a camera was held (Exif 2.32, tag 274): 1 is upright, from 5 on width and
/// height change places. What can't be read is upright.
pub(super) fn orientation(exif: &[u8]) -> u16 {
    read_orientation(exif)
        .filter(|turn| (1..=8).contains(turn))
        .unwrap_or(1)
}

fn read_orientation(exif: &[u8]) -> Option<u16> {
    let little = match exif.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let pair: [u8; 2] = exif.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        })
    };
    let four: [u8; 4] = exif.get(4..8)?.try_into().ok()?;
    let offset = if little {
        u32::from_le_bytes(four)
    } else {
        u32::from_be_bytes(four)
    };
    let directory = usize::try_from(offset).ok()?;
    let entries = usize::from(short(directory)?);
    (0..entries)
        .map_while(|entry| directory.checked_add(2 + entry * 12))
        .find(|entry| short(*entry) == Some(0x0112))
        .and_then(|entry| short(entry.checked_add(8)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::sample;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    #[test]
    fn its_first_bytes_say_what_it_is() {
        for (bytes, kind) in [
            (&b"GIF89a"[..], Some(PictureKind::Gif)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(PictureKind::Webp)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(sniff(bytes, None).ok().map(|found| found.kind), kind);
        }
        let found = sniff(&sample::jpeg(640, 480), None).unwrap();
        assert_eq!((found.kind, found.size), (PictureKind::Jpeg, Some(size(640, 480))));
        let found = sniff(&sample::png(3, 2, png::ColorType::Rgba), None).unwrap();
        assert_eq!((found.kind, found.size), (PictureKind::Png, Some(size(3, 2))));
    }

    #[test]
    fn a_drawing_with_code_is_told_apart() {
        for svg in [
            "<svg onload=alert(1)>",
            "<?xml version=\"1.0\"?>\n<!-- a -->\n<svg xmlns=\"http://www.w3.org/2000/svg\">",
        ] {
            assert!(matches!(
                sniff(svg.as_bytes(), Some("image/jpeg")),
                Err(MediaError::Svg)
            ));
        }
    }

    #[test]
    fn a_server_that_says_something_else_is_refused() {
        let picture = sample::jpeg(8, 8);
        for (declared, taken) in [
            ("image/jpeg", true),
            ("Image/JPG; charset=binary", true),
            ("binary/octet-stream", true),
            ("application/octet-stream", true),
            ("", true),
            ("image/png", false),
            ("text/html; charset=utf-8", false),
            ("image/svg+xml", false),
            ("video/mp4", false),
        ] {
            let found = sniff(&picture, Some(declared));
            assert_eq!(found.is_ok(), taken, "{declared}");
            assert!(taken || matches!(found, Err(MediaError::Lying { .. })), "{declared}");
        }
    }

    /// The header alone says it; nothing of that size is ever held.
    #[test]
    fn a_bomb_is_refused_by_its_header() {
        let mut picture = sample::png(1, 1, png::ColorType::Rgb);
        picture[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let checksum = sample::crc32(&picture[12..29]);
        picture[29..33].copy_from_slice(&checksum.to_be_bytes());
        let refused = sniff(&picture, None);
        assert!(
            matches!(refused, Err(MediaError::TooManyPixels(60_000, 60_000))),
            "{refused:?}"
        );
        let mut picture = sample::jpeg(8, 8);
        let frame = picture.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        picture[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
        let refused = sniff(&picture, None);
        assert!(
            matches!(refused, Err(MediaError::TooManyPixels(60_000, 60_000))),
            "{refused:?}"
        );
    }

    #[test]
    fn a_picture_that_was_held_upright_is_as_high_as_it_looks() {
        let picture = sample::turned(&sample::jpeg(64, 48), 6);
        assert_eq!(sniff(&picture, None).unwrap().size, Some(size(48, 64)));
        let picture = sample::turned(&sample::jpeg(64, 48), 3);
        assert_eq!(sniff(&picture, None).unwrap().size, Some(size(64, 48)));
    }

    #[test]
    fn nonsense_in_headers_breaks_nothing() {
        let whole = sample::turned(&sample::jpeg(64, 48), 6);
        for end in 0..whole.len() {
            _ = sniff(&whole[..end], None);
        }
        for at in 0..whole.len().min(700) {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bent = whole.clone();
                bent[at] = byte;
                _ = sniff(&bent, None);
            }
        }
        for exif in [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"] {
            assert_eq!(orientation(exif), 1);
        }
    }
}
