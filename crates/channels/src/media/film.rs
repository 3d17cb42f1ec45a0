//! What a film is, by its boxes (ISO/IEC 14496-12; `QuickTime` has the same): how it is
//! coded and how long it lasts. Nothing is decoded.
//!
//! Of a file only the beginning is fetched, and the box that describes the film (`moov`),
//! wherever it lies: cameras write it last. A server that gives no part of a file is
//! asked for the beginning alone. What can't be read that way is let through: the
//! channel sees the whole file.

use std::time::Duration;

use fanfare_core::film::{Codecs, FilmRule};
use fanfare_core::text::Text;

/// Bytes that are fetched first, and in search of the description.
pub(super) const BEGINNING: u64 = 512 * 1_024;

/// Longest description that is read. That of a quarter of an hour has one or two
/// megabytes.
pub(super) const DESCRIPTION_MAX: u64 = 4 * 1_024 * 1_024;

/// So often a file is asked for a part; boxes that only fill a place may lie between.
pub(super) const PARTS_MAX: usize = 6;

/// Boxes with which a film can begin; `QuickTime` knew no `ftyp` at first.
const FIRST: [&[u8; 4]; 6] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"];

/// So much shorter or longer than the rule says is taken: sound comes in pieces that
/// are filled up, and a quarter of an hour of it lasts a little longer.
const LENGTH_MARGIN: Duration = Duration::from_millis(500);

/// Ways of coding that are listed of one track.
const ENTRIES_MAX: usize = 16;

/// Why a channel does not take a film.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilmError {
    /// It is something else.
    #[error("what is there is no MP4 or MOV")]
    NoFilm,
    /// Its file is too large.
    #[error("the film has {bytes} bytes; {most} are taken")]
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What it may have.
        most: u64,
    },
    /// It is cut off, or nothing says how it is to be played.
    #[error("the film is not whole, or is not described")]
    Broken,
    /// There is nothing to see.
    #[error("the film has no picture")]
    NoPicture,
    /// Its picture is coded in another way.
    #[error("the film's picture is coded as {found}; {taken} are taken")]
    Picture {
        /// As the file names it.
        found: String,
        /// As people name them.
        taken: &'static str,
    },
    /// Its sound is coded in another way.
    #[error("the film's sound is coded as {found}; {taken} is taken")]
    Sound {
        /// As the file names it.
        found: String,
        /// As people name it.
        taken: &'static str,
    },
    /// It is too short or too long.
    #[error("the film lasts {} s; {} to {} are taken", length.as_secs_f32(), shortest.as_secs(), longest.as_secs())]
    Length {
        /// How long it lasts.
        length: Duration,
        /// The least.
        shortest: Duration,
        /// The most.
        longest: Duration,
    },
}

/// What is known of a film.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Film {
    /// Nothing where the file does not say.
    length: Option<Duration>,
    video: Vec<[u8; 4]>,
    audio: Vec<[u8; 4]>,
    /// The whole description was read.
    whole: bool,
}

/// Where a film's description is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'b> {
    /// Here, and whether that is all of it.
    Here(&'b [u8], bool),
    /// So many bytes into the file so many are to be read; and what is known of it.
    At(u64, u64, &'b [u8]),
}

/// Whether a file that begins so can be a film.
pub(super) fn is_film(bytes: &[u8]) -> bool {
    bytes
        .get(4..8)
        .is_some_and(|kind| FIRST.iter().any(|first| kind == *first))
}

/// Looks for the description in `bytes`, which lie at `from`, where a box begins. `all`
/// is how long the file is, where that is known.
pub(super) fn find(bytes: &[u8], from: u64, all: Option<u64>) -> Result<Found<'_>, FilmError> {
    let mut at = 0_u64;
    loop {
        let place = from.saturating_add(at);
        let rest = usize::try_from(at)
            .ok()
            .and_then(|at| bytes.get(at..))
            .unwrap_or_default();
        let is_last = all.is_some_and(|all| place.saturating_add(rest.len() as u64) >= all);
        let Some(head) = Head::of(rest) else {
            return if is_last {
                Err(FilmError::Broken)
            } else {
                Ok(Found::At(place, BEGINNING, &[]))
            };
        };
        let size = head.size.unwrap_or(u64::MAX);
        if size < head.length as u64 {
            return Err(FilmError::Broken);
        }
        if head.kind == *b"moov" {
            if all.is_some_and(|all| head.size.is_some() && place.saturating_add(size) > all) {
                return Err(FilmError::Broken);
            }
            return Ok(description(rest, &head, place, size));
        }
        if head.size.is_none() {
            return Err(FilmError::Broken);
        }
        at = at.saturating_add(size);
    }
}

/// The description that begins with `bytes`.
fn description<'b>(bytes: &'b [u8], head: &Head, place: u64, size: u64) -> Found<'b> {
    let longest = size.min(DESCRIPTION_MAX);
    let end = usize::try_from(longest).unwrap_or(usize::MAX).min(bytes.len());
    let content = &bytes[head.length..end.max(head.length)];
    if end as u64 == longest {
        Found::Here(content, longest == size)
    } else {
        Found::At(place, longest, content)
    }
}

impl Film {
    /// Reads a description, as far as it is there.
    pub(super) fn of(description: &[u8], whole: bool) -> Self {
        let mut film = Self {
            whole,
            ..Self::default()
        };
        let mut is_in_fragments = false;
        for (kind, content) in boxes(description) {
            match &kind {
                b"mvhd" => film.length = length(content),
                b"trak" => film.add(content),
                b"mvex" => is_in_fragments = true,
                // It is itself compressed, as old `QuickTime` did.
                b"cmov" => film.whole = false,
                _ => {}
            }
        }
        if is_in_fragments {
            // The head may tell of what comes before them alone.
            film.length = None;
        }
        film
    }

    fn add(&mut self, track: &[u8]) {
        let Some(media) = first(track, *b"mdia") else { return };
        let handler = first(media, *b"hdlr").and_then(|content| content.get(8..12));
        let entries = first(media, *b"minf")
            .and_then(|information| first(information, *b"stbl"))
            .and_then(|table| first(table, *b"stsd"))
            .and_then(|entries| entries.get(8..));
        let kinds = entries.into_iter().flat_map(boxes).map(|(kind, _)| kind);
        match handler {
            Some(b"vide") => self.video.extend(kinds.take(ENTRIES_MAX)),
            Some(b"soun") => self.audio.extend(kinds.take(ENTRIES_MAX)),
            _ => {}
        }
    }

    /// Whether a channel takes it. One track that it can show is enough: cameras add
    /// others, such as a second sound.
    pub(super) fn check(&self, rule: &FilmRule) -> Result<(), FilmError> {
        if self.whole && self.video.is_empty() {
            return Err(FilmError::NoPicture);
        }
        if let Some(found) = none_of(&self.video, rule.video) {
            let taken = rule.video.names;
            return Err(FilmError::Picture { found, taken });
        }
        if let Some(found) = none_of(&self.audio, rule.audio) {
            let taken = rule.audio.names;
            return Err(FilmError::Sound { found, taken });
        }
        let (shortest, longest) = (rule.shortest, rule.longest);
        match self.length {
            Some(length) if length + LENGTH_MARGIN < shortest || length > longest + LENGTH_MARGIN => {
                Err(FilmError::Length {
                    length,
                    shortest,
                    longest,
                })
            }
            _ => Ok(()),
        }
    }
}

/// What was found, where there is something and none of it is taken.
fn none_of(found: &[[u8; 4]], taken: Codecs) -> Option<String> {
    let first = found.first()?;
    let none = !found.iter().any(|entry| taken.entries.contains(entry));
    none.then(|| first.escape_ascii().to_string().trim().to_owned())
}

/// A box's beginning.
struct Head {
    kind: [u8; 4],
    /// With the head; nothing where it goes on to the file's end.
    size: Option<u64>,
    /// Of the head itself.
    length: usize,
}

impl Head {
    /// Nothing where the bytes end before it does.
    fn of(bytes: &[u8]) -> Option<Self> {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let kind = bytes.get(4..8)?.try_into().ok()?;
        let (size, length) = match size {
            0 => (None, 8),
            1 => (Some(u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)), 16),
            size => (Some(size.into()), 8),
        };
        Some(Self { kind, size, length })
    }
}

/// The boxes in there, and what is in each, up to the first that is none. One that is
/// cut off is given as far as it is there.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let head = Head::of(rest)?;
        let size = head
            .size
            .map_or(usize::MAX, |size| usize::try_from(size).unwrap_or(usize::MAX));
        let end = size.min(rest.len());
        let content = rest.get(head.length..end)?;
        rest = &rest[end..];
        Some((head.kind, content))
    })
}

fn first(bytes: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    boxes(bytes)
        .find(|(found, _)| *found == kind)
        .map(|(_, content)| content)
}

/// Of a film's head; nothing where it is not known, as of one that is in fragments.
fn length(head: &[u8]) -> Option<Duration> {
    let four = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    let eight = |at: usize| Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let (scale, units) = match head.first()? {
        0 => (four(12)?, u64::from(four(16)?).checked_rem(u32::MAX.into())?),
        1 => (four(20)?, eight(24)?.checked_rem(u64::MAX)?),
        _ => return None,
    };
    if scale == 0 || units == 0 {
        return None;
    }
    let millis = u128::from(units) * 1_000 / u128::from(scale);
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
}

impl FilmError {
    /// What is told to people.
    pub(super) fn text(&self) -> Text {
        match self {
            Self::NoFilm => Text::new(
                "What is at the film's address is no MP4 or MOV, whatever its name says. Correct the address, then \
                 distribute it anew.",
                "영상 주소에 있는 파일이 MP4나 MOV가 아닙니다. 주소를 고친 뒤 다시 배포해 주세요.",
            ),
            Self::TooLarge { bytes, most } => {
                let (bytes, most) = (bytes.div_ceil(MEGABYTE), most / MEGABYTE);
                Text::new(
                    format!(
                        "The film has {bytes} MB, and at most {most} are taken. Make it smaller, then distribute it anew."
                    ),
                    format!("영상이 {bytes}MB입니다. {most}MB 이하로 줄인 뒤 다시 배포해 주세요."),
                )
            }
            Self::Broken => Text::new(
                "The film is broken or not whole: nothing in it says how it is to be played. Save it anew as an ordinary MP4 \
                 (H.264 with AAC), then distribute it anew.",
                "영상 파일이 손상되었거나 잘려 있어 재생 정보를 찾을 수 없습니다. 일반적인 MP4(H.264, AAC)로 다시 저장한 뒤 배포해 주세요.",
            ),
            Self::NoPicture => Text::new(
                "What is at the film's address has sound at the most, and no picture. Correct the address, then distribute \
                 it anew.",
                "영상 주소에 있는 파일에 화면이 없습니다. 주소를 고친 뒤 다시 배포해 주세요.",
            ),
            Self::Picture { found, taken } => Text::new(
                format!(
                    "The film's picture is coded as {found}, and only {taken} can be used. Save it as an ordinary MP4 (H.264 with \
                     AAC), then distribute it anew."
                ),
                format!(
                    "영상의 화면 코덱이 {found}입니다. {taken}만 사용할 수 있으니 일반적인 MP4(H.264, AAC)로 다시 저장한 뒤 배포해 주세요."
                ),
            ),
            Self::Sound { found, taken } => Text::new(
                format!(
                    "The film's sound is coded as {found}, and {taken} is taken. Save it as an ordinary MP4 (H.264 with \
                     AAC), then distribute it anew."
                ),
                format!(
                    "영상의 소리 코덱이 {found}입니다. {taken}만 사용할 수 있으니 일반적인 MP4(H.264, AAC)로 다시 저장한 뒤 배포해 주세요."
                ),
            ),
            Self::Length {
                length,
                shortest,
                longest,
            } => too_long(*length, *shortest, *longest),
        }
    }
}

const MEGABYTE: u64 = 1_024 * 1_024;

fn too_long(length: Duration, shortest: Duration, longest: Duration) -> Text {
    let tenths = length.as_millis() / 100;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (shortest, longest) = (shortest.as_secs(), longest.as_secs());
    let (most, korean) = if longest > 60 {
        (format!("{} minutes", longest / 60), format!("{}분", longest / 60))
    } else {
        (format!("{longest} seconds"), format!("{longest}초"))
    };
    Text::new(
        format!(
            "The film lasts {seconds}.{tenth} seconds, and {shortest} seconds to {most} are taken. Cut it, or use \
             another one, then distribute it anew."
        ),
        format!(
            "영상 길이가 {seconds}.{tenth}초입니다. {shortest}초 이상 {korean} 이하여야 하니 길이를 맞춘 뒤 다시 배포해 주세요."
        ),
    )
}

#[cfg(test)]
mod tests {
    use fanfare_core::validate::instagram::FILM;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::media::sample::{boxed, description, film_type};

    const BOTH: [(&str, &str); 2] = [("vide", "avc1"), ("soun", "mp4a")];

    /// Of a film whose description comes first.
    fn check(description: &[u8]) -> Result<(), FilmError> {
        let bytes = [film_type(), description.to_vec(), boxed("mdat", &[&[0; 100]])].concat();
        match find(&bytes, 0, Some(bytes.len() as u64))? {
            Found::Here(description, whole) => Film::of(description, whole).check(&FILM),
            // Nothing of it is missing.
            Found::At(..) => Err(FilmError::NoFilm),
        }
    }

    #[test]
    fn a_film_that_instagram_takes_is_taken() {
        for tracks in [
            &BOTH[..],
            &[("vide", "hvc1"), ("soun", "mp4a")],
            &[("vide", "hev1")],
            // Cameras add tracks that nobody else can play.
            &[
                ("soun", "apac"),
                ("soun", "mp4a"),
                ("vide", "avc1"),
                ("meta", "mebx"),
                ("vide", "jpeg"),
            ],
        ] {
            for seconds in [3, 15, 900] {
                assert_eq!(check(&description(tracks, seconds)), Ok(()), "{tracks:?} {seconds}");
            }
        }
    }

    #[test]
    fn one_that_it_does_not_take_is_told_why() {
        let length = |found| matches!(found, Err(FilmError::Length { .. }));
        assert!(length(check(&description(&BOTH, 2))) && length(check(&description(&BOTH, 901))));
        let coded = |handler, codec| check(&description(&[BOTH[0], (handler, codec)], 15));
        assert_eq!(
            coded("soun", "Opus").unwrap_err().to_string(),
            "the film's sound is coded as Opus; AAC is taken"
        );
        let found = check(&description(&[("vide", "av01"), BOTH[1]], 15)).unwrap_err();
        assert_eq!(
            found.to_string(),
            "the film's picture is coded as av01; H.264, HEVC are taken"
        );
        assert_eq!(check(&description(&[BOTH[1]], 15)), Err(FilmError::NoPicture));
        assert_eq!(check(&[]), Err(FilmError::Broken), "it ends without a description");
        for bad in [
            &b"\0\0\0\x07mdat"[..],
            b"\0\0\0\0mdat\0",
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x02",
        ] {
            let bytes = [film_type(), bad.to_vec()].concat();
            assert_eq!(
                find(&bytes, 0, Some(bytes.len() as u64)),
                Err(FilmError::Broken),
                "{bad:?}"
            );
        }
        let cut = &description(&BOTH, 15)[..60];
        assert_eq!(
            find(cut, 0, Some(60)),
            Err(FilmError::Broken),
            "the file ends before it"
        );
    }

    /// Of a film whose head says so many milliseconds.
    fn lasting(millis: u32) -> Vec<u8> {
        let mut described = description(&BOTH, 15);
        // Behind the heads of two boxes, a version and two times.
        described[28..32].copy_from_slice(&1_000_u32.to_be_bytes());
        described[32..36].copy_from_slice(&millis.to_be_bytes());
        described
    }

    /// Sound is filled up to whole pieces: 15 minutes of it are 900.02 s.
    #[test]
    fn half_a_second_more_or_less_is_taken() {
        for (millis, taken) in [
            (2_499, false),
            (2_500, true),
            (2_999, true),
            (900_020, true),
            (900_500, true),
            (900_501, false),
        ] {
            let found = check(&lasting(millis));
            assert_eq!(found.is_ok(), taken, "{millis}: {found:?}");
            assert!(taken || matches!(found, Err(FilmError::Length { .. })), "{found:?}");
        }
    }

    #[test]
    fn how_long_a_film_in_fragments_is_its_head_does_not_tell() {
        for seconds in [0, 1, 15, 1_000] {
            let described = description(&BOTH, seconds);
            let extended = boxed("mvex", &[&boxed("trex", &[&[0; 24]])]);
            for parts in [[&described[8..], &extended[..]], [&extended[..], &described[8..]]] {
                assert_eq!(check(&boxed("moov", &parts)), Ok(()), "{seconds}");
            }
        }
        let opus = description(&[BOTH[0], ("soun", "Opus")], 1);
        let extended = boxed("mvex", &[&[0; 24]]);
        let found = check(&boxed("moov", &[&opus[8..], &extended[..]]));
        assert!(matches!(found, Err(FilmError::Sound { .. })), "{found:?}");
    }

    #[test]
    fn what_a_file_does_not_say_is_no_reason_to_refuse_it() {
        // In fragments; unknown by both forms of the head; without a scale.
        let [zero, ones] = [0, u32::MAX].map(u32::to_be_bytes);
        let scale = 600_u32.to_be_bytes();
        for head in [
            [&[0; 12][..], &scale, &zero].concat(),
            [&[0; 12][..], &scale, &ones].concat(),
            [&[0; 12][..], &zero, &scale].concat(),
            [&[1][..], &[0; 19], &scale, &ones, &ones].concat(),
            vec![2; 40],
            Vec::new(),
        ] {
            assert_eq!(length(&head), None, "{head:?}");
        }
        let long = [&[1][..], &[0; 19], &scale, &zero, &(600_u32 * 7).to_be_bytes()].concat();
        assert_eq!(length(&long), Some(Duration::from_secs(7)));
        assert_eq!(Film::of(&[], false).check(&FILM), Ok(()), "not seen is not missing");
        assert_eq!(check(&boxed("moov", &[&boxed("cmov", &[&[0; 40]])])), Ok(()));
    }

    #[test]
    fn the_description_is_looked_for_where_it_is() {
        let described = description(&BOTH, 15);
        let film = 300_000_000_u64;
        let mut media = u32::try_from(film).unwrap().to_be_bytes().to_vec();
        media.extend(b"mdat");
        let beginning = [film_type(), media].concat();
        let place = film_type().len() as u64 + film;
        let all = Some(place + described.len() as u64);
        assert_eq!(find(&beginning, 0, all), Ok(Found::At(place, BEGINNING, &[])));
        assert_eq!(find(&described, place, all), Ok(Found::Here(&described[8..], true)));
        // Cut off before its end, it is asked for once more, and only then read in part.
        let part = &described[..60];
        assert_eq!(
            find(part, place, all),
            Ok(Found::At(place, described.len() as u64, &part[8..]))
        );
        let endless = [
            &[0xff, 0xff, 0xff, 0xff][..],
            b"moov",
            &vec![0; usize::try_from(DESCRIPTION_MAX).unwrap()],
        ]
        .concat();
        let Ok(Found::Here(content, false)) = find(&endless, 0, None) else {
            panic!("as much as is read of one");
        };
        assert_eq!(content.len() as u64, DESCRIPTION_MAX - 8);
        // Nobody knows how long it is, and this is all that came.
        assert_eq!(find(&film_type(), 0, None), Ok(Found::At(24, BEGINNING, &[])));
    }

    #[test]
    fn its_first_box_says_whether_it_can_be_a_film() {
        assert!(is_film(&film_type()) && is_film(b"\0\0\0\x08wide"));
        for other in [
            &b""[..],
            b"<html></html>",
            b"\x1aE\xdf\xa3webm....",
            b"RIFF....AVI LIST",
            b"ftyp",
        ] {
            assert!(!is_film(other), "{other:?}");
        }
    }

    /// A fuzz target: whatever the bytes are, no panic, and an end. More of them run
    /// with `FANFARE_TEST_SEEDS=100000`.
    #[test]
    fn nonsense_breaks_nothing() {
        let seeds = std::env::var("FANFARE_TEST_SEEDS")
            .ok()
            .and_then(|text| text.parse().ok());
        let whole = [
            film_type(),
            boxed("free", &[&[0; 3]]),
            description(&BOTH, 15),
            boxed("mdat", &[&[0; 9]]),
        ]
        .concat();
        for end in 0..whole.len() {
            try_all(&whole[..end]);
        }
        for seed in 0..seeds.unwrap_or(2_000_u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut bent = whole.clone();
            for _ in 0..rng.random_range(1..12) {
                let at = rng.random_range(0..bent.len());
                match rng.random_range(0..4) {
                    0 => bent[at] = [0, 1, 7, 8, 0x7f, 0xff][rng.random_range(0..6)],
                    1 => bent[at] = rng.random(),
                    2 => drop(bent.drain(at..(at + rng.random_range(0..40)).min(bent.len()))),
                    _ => bent.extend_from_within(at..(at + 40).min(bent.len())),
                }
                if bent.is_empty() {
                    break;
                }
            }
            try_all(&bent);
        }
    }

    fn try_all(bytes: &[u8]) {
        _ = is_film(bytes);
        _ = Film::of(bytes, true).check(&FILM);
        for from in [0, 5, u64::MAX - 3] {
            for all in [None, Some(0), Some(bytes.len() as u64), Some(u64::MAX)] {
                match find(bytes, from, all) {
                    Ok(Found::Here(content, whole)) => _ = Film::of(content, whole).check(&FILM),
                    Ok(Found::At(place, most, content)) => {
                        assert!(place >= from && most > 0 && most <= DESCRIPTION_MAX);
                        _ = Film::of(content, false).check(&FILM);
                    }
                    Err(error) => assert!(!error.text().en.is_empty()),
                }
            }
        }
    }
}
