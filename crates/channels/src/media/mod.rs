//! Media that users name: fetched once, looked at, and made to fit.
//!
//! The address was looked at when the request was accepted; here its name is
//! resolved, and only addresses of the public internet are connected to, or
//! hosts that the operator allows. No redirect is followed, no proxy asked, and
//! what the server says of the file's kind is not believed: its first bytes say.
//! What was fetched is kept for a minute, so that the channels of a distribution
//! fetch and decode it once, together.
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | fetching, and what is kept for a minute |
//! | `sniff.rs` | what a file is |
//! | `fit.rs` | pixels: decoded, scaled, written |
//! | `links.rs` | where a fitted picture can be fetched by a channel |
//! | `sound.rs` | what a sound is, and how long |
//! | `film.rs` | what a film is, and how long |
//! | `part.rs` | fetching a part of a file, for films |
//! | `spot.rs` | looking at films that television is to show |
//! | `error.rs` | why there is no picture |
//!
//! Which sizes a channel takes is in `fanfare_core::picture`, and which films in
//! `fanfare_core::film`. Deliberately absent: making a film fit.

mod error;
mod film;
mod fit;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod links;
mod part;
#[cfg(test)]
mod sample;
mod sniff;
mod sound;
mod spot;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_core::attempt::StepOutcome;
use fanfare_core::engine::Call;
use fanfare_core::picture::{ImageFit, PictureKind, PictureRule, Size};
use fanfare_core::text::Text;
use fanfare_core::validate::url::{is_allowed, media_url};
use futures_util::future::join_all;
use http::Request;
use http::header::CONTENT_TYPE;
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

pub use self::error::MediaError;
use self::error::SharedError;
pub use self::film::FilmError;
use self::fit::{WORKING_PIXELS, Working};
use self::sniff::{broken, sniff};
use self::sound::listen;
pub use self::spot::Spots;
use crate::connect::LeadsInside;
use crate::http::{Answer, ExchangeError, HttpClient, HttpSettings, SetupError};

/// Largest file that is fetched.
pub const FETCH_MAX: usize = 24 * 1_024 * 1_024;

/// Most pixels that are decoded.
pub const PIXELS_MAX: u64 = 50_000_000;

/// So long what was fetched is kept for other channels.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// So many bytes are kept, files and decoded pictures together.
const KEPT_MAX: u64 = 96 * 1_024 * 1_024;

/// So long a file may take that is looked at ahead of its time.
pub const LOOK_AHEAD_WITHIN: Duration = Duration::from_secs(3);

/// So many files are looked at so at once, by all requests together: nothing else
/// bounds how many are asked for, and each may have [`FETCH_MAX`] bytes.
const AHEAD: usize = 8;

/// Pictures that are worked on at once: each takes a core, and memory.
const WORKERS: usize = 1;

/// Fetches pictures; clones share the connections, and what was fetched.
#[derive(Debug, Clone)]
pub struct MediaClient {
    /// For addresses that the operator allows.
    anywhere: HttpClient,
    /// For all others.
    public: HttpClient,
    allow_hosts: Arc<[String]>,
    /// For one file, in however many parts.
    deadline: Duration,
    on_change: OnChange,
    kept: Cache<String, Arc<Fetched>>,
    workers: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
}

/// What is done with a file that is not the one that another channel of the distribution
/// was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnChange {
    /// It is not sent: what was approved is what went out first.
    #[default]
    Refuse,
    /// It is sent as it is now; both hashes stand in the rows.
    Send,
}

/// A picture that a channel takes.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its file.
    pub bytes: Bytes,
    /// What it is.
    pub kind: PictureKind,
    /// SHA-256 of the file, in 64 hexadecimal digits.
    pub sha256: String,
    /// The same of the file that lay at the address.
    pub source: String,
    /// Whether it is the very file that the user named; else it was made to fit.
    pub is_original: bool,
}

/// A file that was fetched and looked at.
#[derive(Debug)]
struct Fetched {
    bytes: Bytes,
    kind: PictureKind,
    size: Option<Size>,
    /// Decoded where a channel needs it, once for all of them.
    working: OnceCell<Result<Arc<Working>, SharedError>>,
}

impl MediaClient {
    /// `allow_hosts` (`host` or `host:port`) may be anywhere; `deadline` is for
    /// one picture, sound or film.
    ///
    /// # Errors
    /// [`SetupError`] where the system's trusted certificates can't be read.
    pub fn new(allow_hosts: &[String], deadline: Duration) -> Result<Self, SetupError> {
        let allow_hosts: Arc<[String]> = allow_hosts.into();
        let settings = HttpSettings {
            deadline,
            connect_timeout: deadline / 2,
            max_answer_bytes: FETCH_MAX,
            ..HttpSettings::default()
        };
        let weight = |_: &String, fetched: &Arc<Fetched>| fetched.weight();
        Ok(Self {
            anywhere: HttpClient::new(&settings)?,
            public: HttpClient::public(&settings)?,
            allow_hosts,
            deadline,
            on_change: OnChange::default(),
            kept: Cache::builder()
                .max_capacity(KEPT_MAX)
                .weigher(weight)
                .time_to_live(KEPT_FOR)
                .build(),
            workers: Arc::new(Semaphore::new(WORKERS)),
            ahead: Arc::new(Semaphore::new(AHEAD)),
        })
    }

    /// With this rule for files that change.
    #[must_use]
    pub fn with_on_change(self, on_change: OnChange) -> Self {
        Self { on_change, ..self }
    }

    /// Compares the file at `url` with what channels of the call's distribution were given.
    /// One that is refused is fetched anew next time: it may be put back at once.
    ///
    /// # Errors
    /// Where it has changed, and may not be sent so.
    pub(crate) async fn compare(&self, call: &Call, url: &str, sha256: &str) -> Result<(), MediaError> {
        match (call.other_file(url, sha256), self.on_change) {
            (Some(was), OnChange::Refuse) => {
                self.kept.invalidate(url).await;
                Err(MediaError::Changed {
                    was: was.to_owned(),
                    is: sha256.to_owned(),
                })
            }
            (Some(_), OnChange::Send) | (None, _) => Ok(()),
        }
    }

    /// The picture at `url` as a channel takes it that has this rule.
    ///
    /// # Errors
    /// Why there is none; all who waited for one picture get the same.
    pub async fn picture(
        &self,
        url: &str,
        rule: &'static PictureRule,
        fit: ImageFit,
    ) -> Result<Picture, Arc<MediaError>> {
        let fetched = self.kept.try_get_with(url.to_owned(), self.fetch(url)).await;
        // The cache shares failures of those that asked at once.
        let fetched = fetched?;
        if rule.kinds.contains(&fetched.kind) && fetched.bytes.len() <= rule.bytes_max && rule.takes_size(fetched.size)
        {
            return fetched.as_it_is().await;
        }
        if fit == ImageFit::Refuse || fetched.size.is_none() {
            return Err(fetched.does_not_fit().into());
        }
        let working = self.decoded(&fetched).await?;
        let file = fetched.bytes.clone();
        let made = self.work(move || {
            let layout = rule.layout(working.pixels.size, fit);
            let made = working.fitted(&layout, rule.bytes_max)?;
            Ok(made.map(|bytes| Picture {
                sha256: sha256(&bytes),
                source: sha256(&file),
                bytes: bytes.into(),
                kind: PictureKind::Jpeg,
                is_original: false,
            }))
        });
        Ok(made.await?.ok_or_else(|| fetched.does_not_fit())?)
    }

    async fn decoded(&self, fetched: &Arc<Fetched>) -> Result<Arc<Working>, SharedError> {
        let decode = async {
            let file = Arc::clone(fetched);
            let working = self.work(move || Working::of(&file.bytes, file.kind)).await;
            working.map(Arc::new)
        };
        fetched.working.get_or_init(|| decode).await.clone()
    }

    /// Beside the threads that others wait for, a few at once.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, MediaError> + Send + 'static,
    ) -> Result<T, SharedError> {
        // Never closed.
        let permit = Arc::clone(&self.workers).acquire_owned().await;
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match worked.await {
            Ok(made) => made.map_err(Arc::new),
            Err(panicked) => Err(Arc::new(broken(panicked))),
        }
    }

    /// Decided here alone, of host and port together: an allowed port opens no
    /// other one of its host.
    fn http_for(&self, url: &Url) -> &HttpClient {
        if is_allowed(url, &self.allow_hosts) {
            &self.anywhere
        } else {
            &self.public
        }
    }

    /// Looks at the sound at `url`, which is handed on as an address, and gives the
    /// SHA-256 of its file, in 64 hexadecimal digits.
    ///
    /// # Errors
    /// Where there is none, or one that lasts longer than `most` seconds.
    pub async fn check_sound(&self, url: &str, most: u64) -> Result<String, MediaError> {
        let file = self.download(url).await?;
        let length = listen(&file.body, declared(&file))?.length;
        if length > Duration::from_secs(most) {
            return Err(MediaError::TooLong { length, most });
        }
        let hashed = tokio::task::spawn_blocking(move || sha256(&file.body));
        hashed.await.map_err(broken)
    }

    /// What lies at those addresses of pictures, as far as it can be had in time: each with
    /// the SHA-256 of its file. Whoever fetches one of them within a minute shares the fetch.
    pub(crate) async fn look_ahead(&self, urls: impl IntoIterator<Item = String>) -> Vec<(String, String)> {
        let look = async |url: String| {
            let picture = self.in_time(async {
                let fetched = self.kept.try_get_with(url.clone(), self.fetch(&url)).await?;
                fetched.as_it_is().await
            });
            let sha256 = Box::pin(picture).await?.sha256;
            Some((url, sha256))
        };
        join_all(urls.into_iter().map(look))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// The same of a sound.
    pub(crate) async fn hear_ahead(&self, url: &str, most: u64) -> Option<String> {
        self.in_time(self.check_sound(url, most)).await
    }

    async fn in_time<T, E>(&self, look: impl Future<Output = Result<T, E>>) -> Option<T> {
        let looked = tokio::time::timeout(LOOK_AHEAD_WITHIN, async {
            // Never closed.
            let _permit = self.ahead.acquire().await;
            look.await
        });
        looked.await.ok()?.ok()
    }

    async fn fetch(&self, url: &str) -> Result<Arc<Fetched>, MediaError> {
        let file = self.download(url).await?;
        let found = sniff(&file.body, declared(&file))?;
        Ok(Arc::new(Fetched {
            bytes: file.body,
            kind: found.kind,
            size: found.size,
            working: OnceCell::new(),
        }))
    }

    async fn download(&self, url: &str) -> Result<Answer, MediaError> {
        let url = media_url(url, &self.allow_hosts).map_err(MediaError::NotAllowed)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        let answer = self.http_for(&url).send(request).await.map_err(not_fetched)?;
        match answer.status.as_u16() {
            200 if answer.cut => Err(MediaError::TooLarge),
            200 => Ok(answer),
            status => Err(refused(status)),
        }
    }
}

/// Notes, where a step has led on, which file the channel is given.
pub(crate) fn given(mut outcome: StepOutcome, url: &str, sha256: &str) -> StepOutcome {
    if let StepOutcome::Advanced { checkpoint, .. }
    | StepOutcome::Prepared { checkpoint, .. }
    | StepOutcome::Rejected {
        checkpoint: Some(checkpoint),
        ..
    } = &mut outcome
    {
        *checkpoint = checkpoint.clone().given(url, sha256);
    }
    outcome
}

/// What a status says that brings no file.
fn refused(status: u16) -> MediaError {
    match status {
        408 | 425 | 429 | 500.. => MediaError::Away(status),
        300..400 => MediaError::Redirected(status),
        _ => MediaError::Refused(status),
    }
}

/// What its server says that it is.
fn declared(file: &Answer) -> Option<&str> {
    file.headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// Makes a picture fit, from bytes to bytes: a JPEG that the channel takes; nothing
/// where none is small enough. It takes a fifth of a second for a photograph.
///
/// # Errors
/// Where it is no picture that can be decoded.
pub fn fit(bytes: &[u8], rule: &PictureRule, fit: ImageFit) -> Result<Option<Vec<u8>>, MediaError> {
    let working = Working::of(bytes, sniff(bytes, None)?.kind)?;
    working.fitted(&rule.layout(working.pixels.size, fit), rule.bytes_max)
}

impl Fetched {
    /// In bytes, with the decoded picture that may come.
    fn weight(&self) -> u32 {
        let pixels = self
            .size
            .map_or(0, |size| u64::from(size.width) * u64::from(size.height));
        let decoded = pixels.min(WORKING_PIXELS.into()) * 3;
        u32::try_from(self.bytes.len() as u64 + decoded).unwrap_or(u32::MAX)
    }

    /// Its hash is made beside the threads that others wait for: of megabytes that
    /// takes milliseconds.
    async fn as_it_is(&self) -> Result<Picture, SharedError> {
        let (bytes, kind) = (self.bytes.clone(), self.kind);
        let hashed = tokio::task::spawn_blocking(move || {
            let sha256 = sha256(&bytes);
            Picture {
                source: sha256.clone(),
                sha256,
                bytes,
                kind,
                is_original: true,
            }
        });
        hashed.await.map_err(|panicked| Arc::new(broken(panicked)))
    }

    fn does_not_fit(&self) -> MediaError {
        MediaError::DoesNotFit {
            kind: self.kind,
            size: self.size,
            bytes: self.bytes.len(),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits
        .iter()
        .fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// A name that leads inside is refused for good; everything else may pass.
fn not_fetched(error: ExchangeError) -> MediaError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<LeadsInside>() {
            return MediaError::NotAllowed(leads_inside());
        }
        cause = inner.source();
    }
    MediaError::Unreachable(error)
}

fn leads_inside() -> Text {
    Text::new(
        "The media file's host is not on the public internet. Use a public address, or have the operator allow the host.",
        "미디어 파일 주소가 공개 인터넷에 있지 않습니다. 공개 주소를 쓰거나 운영자에게 호스트 허용을 요청해 주세요.",
    )
}

#[cfg(test)]
mod tests {
    use fanfare_core::validate::instagram;

    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_where_it_is_resolved() {
        // Past the look at the address itself, as a name in a public zone would be.
        let allow_hosts: [String; 0] = [];
        let settings = HttpSettings::default();
        let public = HttpClient::public(&settings).unwrap();
        let request = Request::get("http://localhost/a.jpg").body(Bytes::new()).unwrap();
        let refused = not_fetched(public.send(request).await.unwrap_err());
        assert!(matches!(refused, MediaError::NotAllowed(_)), "{refused:?}");
        let client = MediaClient::new(&allow_hosts, settings.deadline).unwrap();
        for url in [
            "http://127.0.0.1/a.jpg",
            "http://[::ffff:10.0.0.1]/a.jpg",
            "ftp://a.kr/a.jpg",
        ] {
            let refused = client
                .picture(url, &instagram::PICTURE, ImageFit::Pad)
                .await
                .unwrap_err();
            assert!(matches!(*refused, MediaError::NotAllowed(_)), "{url}: {refused:?}");
        }
    }

    /// A name in a public zone may lead inside: by its look no address shows it.
    #[test]
    fn a_port_that_is_allowed_opens_no_other_one() {
        let allow_hosts = ["store.example.com:9000", "cdn.example.com"].map(str::to_owned);
        let client = MediaClient::new(&allow_hosts, Duration::from_secs(1)).unwrap();
        for (url, anywhere) in [
            ("http://store.example.com:9000/a.jpg", true),
            ("http://store.example.com/a.jpg", false),
            ("https://store.example.com/a.jpg", false),
            ("http://cdn.example.com/a.jpg", true),
            ("https://cdn.example.com/a.jpg", true),
            ("https://other.example.com/a.jpg", false),
        ] {
            let url = media_url(url, &client.allow_hosts).unwrap();
            assert_eq!(
                std::ptr::eq(client.http_for(&url), &raw const client.anywhere),
                anywhere,
                "{url}"
            );
        }
    }
}
