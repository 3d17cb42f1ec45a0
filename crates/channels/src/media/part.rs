//! Parts of files (RFC 9110, 14), for what is too long to be fetched whole: a film's
//! beginning and its description.

use bytes::Bytes;
use fanfare_core::film::FilmRule;
use fanfare_core::validate::url::media_url;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE};
use http::{Request, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::film::{BEGINNING, Film, FilmError, Found, PARTS_MAX, find, is_film};
use super::sniff::check_declared;
use super::{MediaClient, MediaError, declared, not_fetched, refused};
use crate::http::{Answer, ExchangeError};

/// Bytes of a file.
pub(super) struct Part {
    pub(super) answer: Answer,
    /// How long the file is, where its server says so.
    pub(super) all: Option<u64>,
    /// What was asked for; else the server gives no parts, and it is the beginning.
    pub(super) as_asked: bool,
}

impl MediaClient {
    /// Looks at the film at `url`, which is handed on as an address. What the file or
    /// its server does not show, or not in time, is no reason to refuse it.
    ///
    /// # Errors
    /// Where there is none, or none that the rule allows.
    pub async fn check_film(&self, url: &str, rule: &FilmRule) -> Result<(), MediaError> {
        // All parts together have the time that one file has: a step has not much more.
        let over = Instant::now() + self.deadline;
        let beginning = self.part(url, 0, BEGINNING).await?;
        if beginning.is_nothing() {
            return Ok(());
        }
        begins_well(&beginning, rule)?;
        match timeout_at(over, self.check_described(url, rule, beginning)).await {
            // The whole limit and a part's own may be over in one moment.
            Err(_) | Ok(Err(MediaError::Unreachable(ExchangeError::Lost { timed_out: true, .. }))) => Ok(()),
            Ok(checked) => checked,
        }
    }

    /// Looks for the description, from the file's beginning on.
    async fn check_described(&self, url: &str, rule: &FilmRule, mut part: Part) -> Result<(), MediaError> {
        let (mut from, mut length) = (0, BEGINNING);
        for asked in 1..=PARTS_MAX {
            match find(&part.answer.body, from, part.all)? {
                Found::Here(description, whole) => return Ok(Film::of(description, whole).check(rule)?),
                // There is no more to be had of it.
                Found::At(place, most, so_far) if !part.as_asked || (place, most) == (from, length) => {
                    return Ok(Film::of(so_far, false).check(rule)?);
                }
                Found::At(place, most, _) => (from, length) = (place, most),
            }
            if asked < PARTS_MAX {
                part = self.part(url, from, length).await?;
            }
            if part.is_nothing() {
                break;
            }
        }
        Ok(())
    }

    /// So many bytes of the file from there on, or fewer.
    pub(super) async fn part(&self, url: &str, from: u64, length: u64) -> Result<Part, MediaError> {
        let url = media_url(url, &self.allow_hosts).map_err(MediaError::NotAllowed)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        let last = from.saturating_add(length - 1);
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={from}-{last}")) {
            request.headers_mut().insert(RANGE, range);
        }
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        let http = self.http_for(&url).with_answers_of(most);
        let answer = http.send(request).await.map_err(not_fetched)?;
        match answer.status {
            StatusCode::PARTIAL_CONTENT => Ok(Part::of(answer, from)),
            StatusCode::OK => {
                let all = if answer.cut {
                    content_length(&answer)
                } else {
                    Some(answer.body.len() as u64)
                };
                let as_asked = from == 0 && !answer.cut;
                let answer = if from == 0 { answer } else { nothing_of(answer) };
                Ok(Part { answer, all, as_asked })
            }
            // It is shorter than its boxes say.
            StatusCode::RANGE_NOT_SATISFIABLE => Err(FilmError::Broken.into()),
            status => Err(refused(status.as_u16())),
        }
    }
}

impl Part {
    /// Of a server that says which part it gives. Bytes from elsewhere, or others than it
    /// says, would be taken for something else.
    fn of(answer: Answer, from: u64) -> Self {
        let came = answer.body.len() as u64;
        // What is cut off went on.
        let least = came + u64::from(answer.cut);
        let holds = |said: &Said| said.first == from && came > 0 && least <= said.length;
        match range_of(&answer).filter(holds) {
            Some(said) => Self {
                // No file is shorter than what came of it.
                all: said.all.filter(|all| *all >= from.saturating_add(came)),
                as_asked: true,
                answer,
            },
            None => Self {
                all: None,
                as_asked: false,
                answer: nothing_of(answer),
            },
        }
    }

    /// Nothing came that says anything.
    fn is_nothing(&self) -> bool {
        !self.as_asked && self.answer.body.is_empty()
    }
}

/// What can be told of the beginning.
fn begins_well(part: &Part, rule: &FilmRule) -> Result<(), MediaError> {
    if !is_film(&part.answer.body) {
        return Err(FilmError::NoFilm.into());
    }
    // Servers have many names for both; what is no film at all is a lie.
    let may_be = |essence: &str| essence.starts_with("video/") || essence == "application/mp4";
    check_declared(declared(&part.answer), "video/mp4", may_be)?;
    match part.all {
        Some(bytes) if bytes > rule.bytes_max => {
            let most = rule.bytes_max;
            Err(FilmError::TooLarge { bytes, most }.into())
        }
        _ => Ok(()),
    }
}

fn nothing_of(answer: Answer) -> Answer {
    Answer {
        body: Bytes::new(),
        ..answer
    }
}

/// Which part a server says that it gives.
struct Said {
    /// Its first byte.
    first: u64,
    length: u64,
    /// How long all of the file is.
    all: Option<u64>,
}

/// `bytes 0-99/1000`.
fn range_of(answer: &Answer) -> Option<Said> {
    let text = answer.headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, all) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    Some(Said {
        first,
        length: last.checked_sub(first)?.saturating_add(1),
        all: all.trim().parse().ok(),
    })
}

fn content_length(answer: &Answer) -> Option<u64> {
    answer.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use fanfare_core::validate::instagram::FILM;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::media::sample::{boxed, description, film_type};

    /// How a server gives a file.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    enum Gives {
        /// Parts, as they are asked for.
        Parts,
        /// Parts, and not how long all of it is.
        UnknownLength,
        /// Always all of it.
        Whole,
        /// Other parts than those that were asked for.
        Elsewhere,
        /// Parts, and of each more than it says.
        MoreThanSaid,
        /// Parts, with no bytes in them.
        Empty,
        /// Parts, of a file that is shorter than they are.
        ShorterFile,
    }

    struct Server {
        file: Vec<u8>,
        gives: Gives,
        kind: &'static str,
        /// Beyond the file's end nothing is there, though it is said to be so long.
        said: u64,
        /// Before each answer.
        takes: Duration,
        asked: Mutex<Vec<String>>,
    }

    async fn answer(server: &Server, stream: &mut TcpStream) -> Option<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.ok()?);
        }
        let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
        let range = request
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes="))
            .unwrap();
        server.asked.lock().unwrap().push(range.to_owned());
        tokio::time::sleep(server.takes).await;
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        let (all, kind) = (server.said, server.kind);
        let head = match server.gives {
            Gives::Whole => format!("HTTP/1.1 200 OK\r\ncontent-length: {all}\r\n"),
            _ if first as u64 >= all => "HTTP/1.1 416 No\r\ncontent-length: 0\r\n".to_owned(),
            gives => {
                let from = if gives == Gives::Elsewhere { first + 1 } else { first };
                let last = if gives == Gives::MoreThanSaid { first } else { last };
                let all = match gives {
                    Gives::UnknownLength => "*".to_owned(),
                    Gives::ShorterFile => "1".to_owned(),
                    _ => all.to_string(),
                };
                format!("HTTP/1.1 206 Part\r\ncontent-range: bytes {from}-{last}/{all}\r\nconnection: close\r\n")
            }
        };
        let body = match server.gives {
            Gives::Whole => &server.file[..],
            Gives::Empty => &[],
            _ => server
                .file
                .get(first..last.saturating_add(1).min(server.file.len()))
                .unwrap_or_default(),
        };
        stream
            .write_all(format!("{head}content-type: {kind}\r\n\r\n").as_bytes())
            .await
            .ok()?;
        stream.write_all(body).await.ok()?;
        stream.shutdown().await.ok()
    }

    /// What is said of a file, and which parts were asked for.
    async fn check(server: Server) -> (Result<(), MediaError>, Vec<String>) {
        check_within(Duration::from_secs(5), server).await
    }

    async fn check_within(deadline: Duration, server: Server) -> (Result<(), MediaError>, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Arc::new(server);
        let serving = Arc::clone(&server);
        let accepting = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Who has read enough hangs up.
                _ = answer(&serving, &mut stream).await;
            }
        });
        let client = MediaClient::new(std::slice::from_ref(&address), deadline).unwrap();
        let checked = client.check_film(&format!("http://{address}/film"), &FILM).await;
        accepting.abort();
        let asked = server.asked.lock().unwrap().clone();
        (checked, asked)
    }

    fn server(gives: Gives, file: Vec<u8>) -> Server {
        Server {
            gives,
            kind: "video/mp4",
            said: file.len() as u64,
            takes: Duration::ZERO,
            asked: Mutex::default(),
            file,
        }
    }

    /// Described at its beginning, or at its end, behind so many bytes.
    fn film(codec: &str, media: usize, first: bool) -> Vec<u8> {
        let described = description(&[("vide", codec)], 15);
        let media = boxed("mdat", &[&vec![0; media]]);
        let (before, after) = if first { (described, media) } else { (media, described) };
        [film_type(), before, after].concat()
    }

    fn is_refused(checked: &Result<(), MediaError>) -> bool {
        matches!(checked, Err(MediaError::Film(FilmError::Picture { .. })))
    }

    #[tokio::test]
    async fn a_description_is_read_wherever_it_lies() {
        for gives in [Gives::Parts, Gives::UnknownLength] {
            for (media, first, parts) in [
                (10, true, 1),
                (10, false, 1),
                (3_000_000, true, 1),
                (3_000_000, false, 2),
            ] {
                for (codec, refused) in [("avc1", false), ("av01", true)] {
                    let (checked, asked) = check(server(gives, film(codec, media, first))).await;
                    assert_eq!(is_refused(&checked), refused, "{gives:?} {media} {first}: {checked:?}");
                    assert_eq!(
                        (checked.is_ok(), asked.len()),
                        (!refused, parts),
                        "{gives:?} {media}: {asked:?}"
                    );
                }
            }
        }
    }

    /// Its beginning is all that is read, and what stands there is seen.
    #[tokio::test]
    async fn a_server_that_gives_no_parts_is_asked_once() {
        for (media, first, refused) in [(10, false, true), (3_000_000, true, true), (3_000_000, false, false)] {
            let (checked, asked) = check(server(Gives::Whole, film("av01", media, first))).await;
            assert_eq!(
                (is_refused(&checked), checked.is_err()),
                (refused, refused),
                "{media} {first}: {checked:?}"
            );
            assert_eq!(asked.len(), 1);
        }
        let (checked, asked) = check(server(Gives::Elsewhere, film("av01", 10, true))).await;
        assert_eq!(
            (checked.is_ok(), asked.len()),
            (true, 1),
            "bytes from elsewhere say nothing: {checked:?}"
        );
    }

    #[tokio::test]
    async fn a_server_that_contradicts_itself_is_no_reason_to_refuse_a_film() {
        for (gives, codec) in [
            (Gives::MoreThanSaid, "av01"),
            (Gives::Empty, "avc1"),
            (Gives::ShorterFile, "avc1"),
        ] {
            let (checked, asked) = check(server(gives, film(codec, 10, true))).await;
            assert_eq!((checked.is_ok(), asked.len()), (true, 1), "{gives:?}: {checked:?}");
        }
        let (checked, _) = check(server(Gives::ShorterFile, film("av01", 10, true))).await;
        assert!(is_refused(&checked), "what came is seen: {checked:?}");
    }

    /// A box may say that it goes on for ever.
    #[tokio::test]
    async fn no_part_ends_before_it_begins() {
        let endless = [&b"\0\0\0\x01mdat"[..], &[0xff; 8]].concat();
        let (_, asked) = check(server(Gives::UnknownLength, [film_type(), endless].concat())).await;
        assert_eq!(asked[1], format!("{0}-{0}", u64::MAX));
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_or_no_film_is_refused() {
        for gives in [Gives::Parts, Gives::Whole] {
            for (said, taken) in [(FILM.bytes_max, true), (FILM.bytes_max + 1, false)] {
                let server = Server {
                    said,
                    ..server(gives, film("avc1", 3_000_000, true))
                };
                let (checked, _) = check(server).await;
                let too_large = matches!(checked, Err(MediaError::Film(FilmError::TooLarge { .. })));
                assert_eq!(
                    (checked.is_ok(), too_large),
                    (taken, !taken),
                    "{gives:?} {said}: {checked:?}"
                );
            }
            let (checked, _) = check(server(gives, b"<html>no film</html>".to_vec())).await;
            assert!(
                matches!(checked, Err(MediaError::Film(FilmError::NoFilm))),
                "{checked:?}"
            );
            let cut = film("avc1", 3_000_000, false)[..2_000_000].to_vec();
            let (checked, _) = check(server(gives, cut)).await;
            let broken = matches!(checked, Err(MediaError::Film(FilmError::Broken)));
            assert!(
                broken || gives == Gives::Whole && checked.is_ok(),
                "{gives:?}: {checked:?}"
            );
            let page = Server {
                kind: "text/html",
                ..server(gives, film("avc1", 10, true))
            };
            let (checked, _) = check(page).await;
            assert!(matches!(checked, Err(MediaError::Lying { .. })), "{checked:?}");
        }
    }

    /// Nobody knows that the file ends in the midst of its description.
    #[tokio::test]
    async fn a_description_that_goes_on_nowhere_is_read_as_far_as_it_is_there() {
        let whole = film("av01", 10, true);
        for (length, refused) in [(60, false), (whole.len() - 20, true)] {
            let (checked, asked) = check(server(Gives::UnknownLength, whole[..length].to_vec())).await;
            assert_eq!(is_refused(&checked), refused, "{length}: {checked:?}");
            assert_eq!((checked.is_ok(), asked.len()), (!refused, 2), "{length}: {asked:?}");
        }
    }

    /// Boxes without number lead nobody on for ever.
    #[tokio::test]
    async fn a_file_that_leads_on_and_on_is_left() {
        let one = boxed("free", &[&vec![0; 600_000]]);
        let (checked, asked) = check(server(Gives::Parts, [film_type(), one.repeat(20)].concat())).await;
        assert!(checked.is_ok(), "{checked:?}");
        assert_eq!(asked.len(), PARTS_MAX);
    }

    /// All parts have one limit together: where it is over, what began well is let
    /// through, and what did not come at all can be tried again.
    #[tokio::test]
    async fn a_server_that_is_slow_is_given_the_time_of_one_file() {
        let one = boxed("free", &[&vec![0; 600_000]]);
        let slow = Server {
            takes: Duration::from_millis(400),
            ..server(Gives::Parts, [film_type(), one.repeat(20)].concat())
        };
        let (checked, asked) = check_within(Duration::from_secs(1), slow).await;
        assert!(checked.is_ok(), "{checked:?}");
        assert!((2..=3).contains(&asked.len()), "{asked:?}");
        // What it is seen to be in time counts.
        let page = Server {
            takes: Duration::from_millis(400),
            ..server(Gives::Parts, b"<html>no film</html>".to_vec())
        };
        let (checked, _) = check_within(Duration::from_secs(1), page).await;
        assert!(
            matches!(checked, Err(MediaError::Film(FilmError::NoFilm))),
            "{checked:?}"
        );
        let never = Server {
            takes: Duration::from_mins(1),
            ..server(Gives::Parts, film("avc1", 10, true))
        };
        let (checked, _) = check_within(Duration::from_millis(100), never).await;
        let (why, _) = checked.unwrap_err().refusal();
        assert_eq!(why.code, "media_unavailable");
    }
}
