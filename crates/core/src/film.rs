//! Which films a channel takes. What a film is, is read from its bytes
//! (`channels/media/film.rs`).

use std::time::Duration;

/// What a film must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilmRule {
    /// Largest file.
    pub bytes_max: u64,
    /// It lasts at least so long.
    pub shortest: Duration,
    /// And at most so long.
    pub longest: Duration,
    /// How its picture may be coded.
    pub video: Codecs,
    /// How its sound may be coded.
    pub audio: Codecs,
}

/// Ways of coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codecs {
    /// As files name them (ISO/IEC 14496-12, the sample entries).
    pub entries: &'static [[u8; 4]],
    /// As people know them.
    pub names: &'static str,
}

impl Codecs {
    /// Those of most films.
    pub const H264_AND_HEVC: Self = Self {
        entries: &[*b"avc1", *b"avc3", *b"hvc1", *b"hev1"],
        names: "H.264, HEVC",
    };
    /// That of most films' sound.
    pub const AAC: Self = Self {
        entries: &[*b"mp4a"],
        names: "AAC",
    };
}
