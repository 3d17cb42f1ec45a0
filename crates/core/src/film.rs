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

impl FilmRule {
    /// A spot on 우리동네TV or 지니TV. KT has published nothing: all of it is our own
    /// proposal \[D\], in line with what IAB's VAST 4 and its CTV addendum have players
    /// count on (an MP4 of H.264 and AAC), and with the 15 and 30 seconds that are sold;
    /// a minute of it at 60 Mbit/s is well below the size.
    pub const TELEVISION: Self = Self {
        bytes_max: 500 * 1_024 * 1_024,
        shortest: Duration::from_secs(5),
        longest: Duration::from_mins(1),
        video: Codecs::H264,
        audio: Codecs::AAC,
    };
}

impl Codecs {
    /// That which every player knows.
    pub const H264: Self = Self {
        entries: &[*b"avc1", *b"avc3"],
        names: "H.264",
    };
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
