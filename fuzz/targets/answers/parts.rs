//! A film is looked at by its parts, or one part of it is fetched, and what must be true of
//! what comes of it.

use fanfare_channels::media::{FilmError, MediaClient, MediaError, fuzzing};
use fanfare_core::validate::instagram;

use crate::drive::within;
use crate::input::{Ask, Input};
use crate::server::{Part, Server};

/// A file is asked for no more often.
const PARTS_MAX: usize = 6;

/// What is asked for first.
const BEGINNING: u64 = 512 * 1_024;

/// More is never asked for at once.
const LENGTH_MAX: u64 = 4 * 1_024 * 1_024;

/// Longer words are shown to nobody.
const WORDS_MAX: usize = 300;

pub(crate) async fn drive(media: &MediaClient, server: &Server, input: &Input) {
    let url = format!("http://{}/film", server.address);
    let from = match input.ask {
        Ask::All => return film(media, server, &url).await,
        Ask::LookUp => 0,
        Ask::Observe => 7,
        Ask::Withdraw => 1 << 32,
        Ask::Check => u64::MAX - 7,
    };
    part(media, server, &url, (from, 1 << input.steps)).await;
}

/// It is asked for few parts, and refused only for what was seen of it.
async fn film(media: &MediaClient, server: &Server, url: &str) {
    let checked = within(media.check_film(url, &instagram::FILM)).await;
    let parts = server.parts();
    assert!((1..=PARTS_MAX).contains(&parts.len()), "{} parts", parts.len());
    assert_eq!(parts[0].asked, (0, BEGINNING - 1));
    for Part {
        asked: (first, last), ..
    } in &parts
    {
        assert!(first <= last && last - first < LENGTH_MAX, "{first} to {last}");
    }
    let Err(error) = checked else { return };
    let words = error.to_string();
    assert!(
        words.len() <= WORDS_MAX && !words.contains(char::is_control),
        "{words:?}"
    );
    if let MediaError::Film(why) = error {
        assert!(parts.iter().any(Part::shows_something), "nobody has seen why: {why}");
        let is_short = |bytes| bytes > instagram::FILM.bytes_max;
        assert!(!matches!(why, FilmError::TooLarge { bytes, .. } if !is_short(bytes)));
    }
}

/// It has no more bytes than were asked for, and they are from there.
async fn part(media: &MediaClient, server: &Server, url: &str, (from, length): (u64, u64)) {
    let given = within(fuzzing::part(media, url, from, length)).await;
    let parts = server.parts();
    let [part] = &parts[..] else {
        panic!("{} questions for one part", parts.len());
    };
    assert_eq!(part.asked, (from, from.saturating_add(length - 1)));
    let Ok((bytes, all, as_asked)) = given else { return };
    let came = bytes.len() as u64;
    assert!(came <= length, "{came} bytes of {length}");
    assert!(part.body.starts_with(&bytes), "bytes that nobody sent");
    match (part.status, part.said) {
        (200, _) => assert!(
            from == 0 || (came == 0 && !as_asked),
            "of a whole file, bytes from elsewhere"
        ),
        (206, Some((first, last))) if came > 0 || as_asked => {
            assert_eq!(first, from, "bytes from elsewhere");
            let said = last.checked_sub(first).expect("a part that ends before it begins");
            assert!(came > 0 && came - 1 <= said, "{came} bytes from {first} to {last}");
            assert!(
                part.body.len() as u64 <= length || said >= length,
                "more came than was said"
            );
        }
        (206, _) => assert!(came == 0 && !as_asked, "bytes from nobody knows where"),
        (status, _) => panic!("a part by {status}"),
    }
    if let Some(all) = all.filter(|_| came > 0) {
        assert!(all >= from.saturating_add(came), "{came} bytes from {from} on of {all}");
    }
}

impl Part {
    /// A file, its beginning, or that there is no more of it.
    fn shows_something(&self) -> bool {
        let (first, _) = self.asked;
        match self.status {
            200 | 416 => true,
            206 => self.said.is_some_and(|(said, _)| said == first) && !self.body.is_empty(),
            _ => false,
        }
    }
}
