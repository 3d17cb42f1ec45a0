//! What a sound is and how long it lasts, by its bytes: WAV by its header, MP3 by
//! its frames. Nothing is decoded.

use std::time::Duration;

use super::MediaError;
use super::sniff::{broken, check_declared};

/// A sound that a telephone exchange can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sound {
    /// Such as `audio/mpeg`.
    pub(super) media_type: &'static str,
    pub(super) length: Duration,
}

/// Linear, the two laws of telephony, and what says in an extension which it is.
const WAV_CODECS: [u16; 4] = [1, 6, 7, 0xfffe];

/// Kilobits a second of MPEG 1, layer III, by the header's number.
const BITRATES: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];

/// The same of MPEG 2 and 2.5.
const LOW_BITRATES: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Hertz of MPEG 1; 2 has half of it, 2.5 a quarter.
const RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// Looks at a file, of which its server says `declared`.
pub(super) fn listen(bytes: &[u8], declared: Option<&str>) -> Result<Sound, MediaError> {
    let sound = match bytes {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', chunks @ ..] => Sound {
            media_type: "audio/wav",
            length: wav(chunks)?,
        },
        _ => Sound {
            media_type: "audio/mpeg",
            length: mp3(bytes).ok_or(MediaError::NoSound)?,
        },
    };
    if sound.length.is_zero() {
        return Err(broken("it lasts no time at all"));
    }
    // Servers have many names for both; what is no sound at all is a lie.
    check_declared(declared, sound.media_type, |essence| essence.starts_with("audio/"))?;
    Ok(sound)
}

fn wav(mut rest: &[u8]) -> Result<Duration, MediaError> {
    let mut bytes_a_second = None;
    while let [a, b, c, d, l0, l1, l2, l3, content @ ..] = rest {
        let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
        let chunk = &content[..length.min(content.len())];
        match [*a, *b, *c, *d] {
            [b'f', b'm', b't', b' '] => {
                let [c0, c1, _, _, _, _, _, _, r0, r1, r2, r3, ..] = *chunk else {
                    return Err(broken("its header is cut off"));
                };
                if !WAV_CODECS.contains(&u16::from_le_bytes([c0, c1])) {
                    return Err(MediaError::NoSound);
                }
                bytes_a_second = Some(u32::from_le_bytes([r0, r1, r2, r3])).filter(|rate| *rate > 0);
            }
            [b'd', b'a', b't', b'a'] => {
                let rate = bytes_a_second.ok_or_else(|| broken("it says not how fast it is played"))?;
                return Ok(Duration::from_millis(chunk.len() as u64 * 1_000 / u64::from(rate)));
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = content.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    Err(broken("it has no sound in it"))
}

/// One frame of an MP3.
struct Frame {
    bytes: usize,
    nanos: u64,
}

/// All frames together; `None` where there are none.
fn mp3(bytes: &[u8]) -> Option<Duration> {
    let mut rest = after_tag(bytes)?;
    let (mut frames, mut nanos) = (0_u32, 0_u64);
    while let Some(frame) = frame(rest) {
        frames += 1;
        nanos += frame.nanos;
        rest = rest.get(frame.bytes..).unwrap_or_default();
    }
    // Two bytes may look like a frame by chance; one after the other do not.
    (frames >= 2).then(|| Duration::from_nanos(nanos))
}

/// Behind an `ID3v2` tag, where there is one.
fn after_tag(bytes: &[u8]) -> Option<&[u8]> {
    let [b'I', b'D', b'3', _, _, flags, s3, s2, s1, s0, ..] = *bytes else {
        return Some(bytes);
    };
    let size = [s3, s2, s1, s0]
        .iter()
        .fold(0, |size, seven| size << 7 | usize::from(seven & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    bytes.get(10 + size + footer..)
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let [0xff, second, third, _, ..] = *bytes else {
        return None;
    };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    if second < 0xe0 || version == 1 || layer != 1 {
        return None;
    }
    let first = version == 3;
    let bitrates = if first { &BITRATES } else { &LOW_BITRATES };
    let bitrate = *bitrates.get(usize::from(third >> 4)).filter(|rate| **rate > 0)? * 1_000;
    let rate = *RATES.get(usize::from(third >> 2 & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let samples = if first { 1_152 } else { 576 };
    let padding = u32::from(third >> 1 & 1);
    Some(Frame {
        bytes: (samples / 8 * bitrate / rate + padding) as usize,
        nanos: u64::from(samples) * 1_000_000_000 / u64::from(rate),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav_of(codec: u16, rate: u32, seconds: u32) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        bytes.extend(codec.to_le_bytes());
        bytes.extend(b"\x01\0\x40\x1f\0\0");
        bytes.extend(rate.to_le_bytes());
        bytes.extend(b"\x02\0\x10\0data");
        bytes.extend((rate * seconds).to_le_bytes());
        bytes.resize(bytes.len() + (rate * seconds) as usize, 0);
        bytes
    }

    /// Frames of 128 kbit/s and 44,100 Hz.
    fn mp3_of(frames: usize) -> Vec<u8> {
        let mut one = b"\xff\xfb\x90\0".to_vec();
        one.resize(417, 0);
        one.repeat(frames)
    }

    fn seconds(bytes: &[u8]) -> f64 {
        listen(bytes, None).unwrap().length.as_secs_f64()
    }

    #[test]
    fn its_length_is_read() {
        assert!((seconds(&wav_of(1, 16_000, 3)) - 3.0).abs() < 0.001);
        assert!((seconds(&wav_of(7, 8_000, 60)) - 60.0).abs() < 0.001);
        assert!((seconds(&mp3_of(383)) - 10.005).abs() < 0.001);
        let tagged = [
            b"ID3\x04\0\0\0\0\x01\x02".to_vec(),
            vec![0xff; 130],
            mp3_of(383),
            b"TAG".to_vec(),
        ]
        .concat();
        assert!((seconds(&tagged) - 10.005).abs() < 0.001);
        // MPEG 2, 64 kbit/s, 22,050 Hz.
        let mut low = b"\xff\xf3\x80\0".to_vec();
        low.resize(208, 0);
        assert!((seconds(&low.repeat(100)) - 2.612).abs() < 0.001);
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        for bytes in [
            &b""[..],
            b"<html>",
            b"ID3\x04\0\0\x7f\x7f\x7f\x7f",
            b"\xff\xfb\x90\0",
            b"OggS\0\x02",
        ] {
            assert!(matches!(listen(bytes, None), Err(MediaError::NoSound)), "{bytes:?}");
        }
        assert!(matches!(
            listen(&wav_of(0x55, 16_000, 1), None),
            Err(MediaError::NoSound)
        ));
        for cut in [&wav_of(1, 16_000, 1)[..40], b"RIFF\0\0\0\0WAVE", &wav_of(1, 0, 0)] {
            assert!(matches!(listen(cut, None), Err(MediaError::Broken(_))), "{cut:?}");
        }
        let sound = mp3_of(10);
        assert!(listen(&sound, Some("audio/x-anything; a=b")).is_ok());
        assert!(matches!(
            listen(&sound, Some("image/jpeg")),
            Err(MediaError::Lying { .. })
        ));
    }

    #[test]
    fn nonsense_breaks_nothing() {
        for whole in [wav_of(1, 100, 1), mp3_of(3)] {
            for end in 0..whole.len() {
                _ = listen(&whole[..end], None);
            }
            for at in 0..60 {
                for byte in [0, 0x7f, 0xff] {
                    let mut bent = whole.clone();
                    bent[at] = byte;
                    _ = listen(&bent, None);
                }
            }
        }
    }
}
