//! The guarded HTTP client, through which every channel is called.
//!
//! It keeps connections, follows no redirect, uses no proxy of the environment,
//! never repeats a request by itself, allows one deadline for the whole
//! exchange and cuts an answer off at a limit. And it tells what was never sent
//! from what may have arrived: that difference decides whether a call may be
//! repeated.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fanfare_core::engine::Call;
use fanfare_core::resilience::retry::RETRY_AFTER_BOUNDS;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use url::Url;

use crate::connect::{self, Connector, Names};
use crate::numbers::without_numbers;
use crate::patience::Patience;

/// How we are called.
const FANFARE: HeaderValue = HeaderValue::from_static(concat!("fanfare/", env!("CARGO_PKG_VERSION")));

/// An unused connection is closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// From the first look-up of the name to the answer's last byte.
    pub deadline: Duration,
    /// For name, connection and TLS together; at most half of the deadline.
    pub connect_timeout: Duration,
    /// Least for a call that only polls: it is given up as early as the answers so far allow.
    pub adaptive_timeout_min: Duration,
    /// Of an answer's body; what is longer is cut off.
    pub max_answer_bytes: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            adaptive_timeout_min: Duration::from_secs(3),
            max_answer_bytes: 64 * 1024,
        }
    }
}

/// The client; clones share the connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: Client<Connector, Full<Bytes>>,
    deadline: Duration,
    adaptive_timeout_min: Duration,
    max_answer_bytes: usize,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, up to the limit.
    pub body: Bytes,
    /// The body went on beyond the limit.
    pub cut: bool,
}

/// What broke off.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing of the request was sent.
    #[error("nothing was sent: {0}")]
    NotSent(NotSent, #[source] Cause),
    /// Some of the request may have arrived; what came of it is not known.
    #[error("no whole answer came{}", if *timed_out { " in time" } else { "" })]
    Lost {
        /// The deadline was over.
        timed_out: bool,
        /// What broke off.
        #[source]
        source: Cause,
    },
}

/// How long was waited: it is not the same for every call.
#[derive(Debug, thiserror::Error)]
#[error("{} ms were allowed", .0.as_millis())]
struct TooLate(Duration);

/// What failed before the first byte of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The host's name could not be resolved.
    #[error("the host's name could not be resolved")]
    Name,
    /// The host did not take the connection.
    #[error("the host did not take the connection")]
    Connect,
    /// The host did not take the connection in time.
    #[error("the host did not take the connection in time")]
    ConnectTimeout,
    /// TLS could not be agreed on, or the certificate is not trusted.
    #[error("no trusted TLS connection could be made")]
    Tls,
    /// The connection was closed before any of the request was written to it.
    #[error("the connection was closed before the request began")]
    Closed,
    /// No request could be made of what was to be sent.
    #[error("it is no valid request")]
    Request,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupError(#[from] std::io::Error);

/// A body that is not what was expected.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It was cut off.
    #[error("the answer is longer than the limit")]
    Cut,
    /// It is not the JSON that was expected.
    #[error("the answer is not the expected JSON")]
    Json(#[from] serde_json::Error),
}

impl ExchangeError {
    /// What broke off, down to its cause, for the person who decides.
    pub fn words(&self) -> String {
        words_of(self)
    }
}

/// What went wrong, down to its cause.
pub(crate) fn words_of(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

impl HttpClient {
    /// # Errors
    /// [`SetupError`] where the system's trusted certificates can't be read.
    pub fn new(settings: &HttpSettings) -> Result<Self, SetupError> {
        Self::with(settings, Names::Anywhere)
    }

    /// The same for addresses that users name: names must lead to the public
    /// internet. An address that is no name must be looked at before.
    ///
    /// # Errors
    /// [`SetupError`] where the system's trusted certificates can't be read.
    pub fn public(settings: &HttpSettings) -> Result<Self, SetupError> {
        Self::with(settings, Names::Public)
    }

    fn with(settings: &HttpSettings, names: Names) -> Result<Self, SetupError> {
        let connector = Connector::new(settings.connect_timeout.min(settings.deadline / 2), names)?;
        let inner = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            // A connection that was closed just now is no reason to send again:
            // whoever decides about that can look first.
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self {
            inner,
            deadline: settings.deadline,
            adaptive_timeout_min: settings.adaptive_timeout_min,
            max_answer_bytes: settings.max_answer_bytes,
        })
    }

    /// The same connections, for a server whose answers are longer.
    #[must_use]
    pub fn with_longer_answers(&self, max_answer_bytes: usize) -> Self {
        Self {
            max_answer_bytes: self.max_answer_bytes.max(max_answer_bytes),
            ..self.clone()
        }
    }

    /// The same connections, for answers of which no more than this is read.
    #[must_use]
    pub(crate) fn with_answers_of(&self, max_answer_bytes: usize) -> Self {
        Self {
            max_answer_bytes,
            ..self.clone()
        }
    }

    /// Sends a request and reads the answer, once.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, ExchangeError> {
        self.send_within(self.deadline, request).await
    }

    /// The same for a request that has no effect: it is given up as soon as that
    /// server's answers so far allow.
    pub(crate) async fn send_with(
        &self,
        patience: &Patience,
        request: Request<Bytes>,
    ) -> Result<Answer, ExchangeError> {
        let began = Instant::now();
        let answer = self.send_within(patience.allowed(), request).await;
        match &answer {
            Ok(_) => patience.answered(began.elapsed()),
            Err(ExchangeError::Lost { timed_out: true, .. }) => patience.given_up(),
            // What broke off, or never began, took no time to answer.
            Err(_) => {}
        }
        answer
    }

    /// With a server that nothing is known of yet.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.adaptive_timeout_min, self.deadline)
    }

    async fn send_within(&self, allowed: Duration, request: Request<Bytes>) -> Result<Answer, ExchangeError> {
        let exchange = async { self.read(self.begin(request).await?).await };
        in_time(allowed, exchange).await
    }

    /// Whether something answers at `url`, whatever it says.
    pub async fn probe(&self, url: &Url) -> Result<(), ExchangeError> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        in_time(self.deadline, self.begin(request)).await?;
        Ok(())
    }

    async fn begin(&self, mut request: Request<Bytes>) -> Result<Response<Incoming>, ExchangeError> {
        if request.uri().host().is_none() {
            return Err(ExchangeError::NotSent(
                NotSent::Request,
                "its address names no host".into(),
            ));
        }
        request.headers_mut().insert(USER_AGENT, FANFARE);
        self.inner.request(request.map(Full::new)).await.map_err(exchange_error)
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Answer, ExchangeError> {
        let (head, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        let mut cut = false;
        while let Some(frame) = incoming.frame().await {
            // What is no data are trailers, which say nothing here.
            let Ok(chunk) = frame.map_err(broken_off)?.into_data() else {
                continue;
            };
            let room = self.max_answer_bytes - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            cut,
        })
    }
}

/// A connection is made in half of the deadline at most, so that some of the
/// request may have arrived when it is over.
async fn in_time<T>(
    deadline: Duration,
    exchange: impl Future<Output = Result<T, ExchangeError>>,
) -> Result<T, ExchangeError> {
    let late = |_: Elapsed| ExchangeError::Lost {
        timed_out: true,
        source: TooLate(deadline).into(),
    };
    tokio::time::timeout(deadline, exchange).await.map_err(late)?
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        if self.cut {
            return Err(Unreadable::Cut);
        }
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// How long the server asks to be left alone, as seconds or as a date (RFC
    /// 9110, 10.2.3); nothing where it is neither. No wish is followed beyond
    /// [`RETRY_AFTER_BOUNDS`], whatever is made of it: a retry, a poll or a deferral.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a very long time.
            return Some(within_bounds(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
        }
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Some(within_bounds(
            Duration::try_from(at.duration_since(now)).unwrap_or_default(),
        ))
    }

    /// What time it was for the server: where two looks must lie apart, its own
    /// clock counts, since another node may take the second. Ours where it does
    /// not say.
    pub fn time(&self, now: Timestamp) -> Timestamp {
        let text = self
            .headers
            .get(http::header::DATE)
            .and_then(|value| value.to_str().ok());
        let date = text.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
        date.map_or(now, |date| date.timestamp())
    }

    /// The body's beginning, for the person who decides.
    pub fn words(&self) -> String {
        self.beginning(&String::from_utf8_lossy(&self.body))
    }

    /// The same of a channel that is sent to people's numbers, or may name them:
    /// none is kept (I20).
    pub fn words_without_numbers(&self) -> String {
        // Before it is cut: half of a number is not known for one.
        let text = String::from_utf8_lossy(&self.body);
        self.beginning(&without_numbers(&text, self.cut, WORDS_MAX))
    }

    fn beginning(&self, text: &str) -> String {
        let text: String = text.chars().take(WORDS_MAX).collect();
        format!("{} {}", self.status.as_u16(), text.trim())
    }
}

/// Of what a channel asks to wait, as much as is followed.
pub(crate) fn within_bounds(wish: Duration) -> Duration {
    let (shortest, longest) = RETRY_AFTER_BOUNDS;
    wish.clamp(shortest, longest)
}

/// Letters of an answer that are kept.
const WORDS_MAX: usize = 300;

/// Longest address that is kept.
const URL_MAX: usize = 2_048;

/// An address that can be shown to people; anything else is left out. What is read as one
/// only by grace is none: `https:/a` leads elsewhere where it stands on a page.
pub(crate) fn sound_url(text: &str) -> Option<String> {
    let text = text.trim();
    let is_web = |(scheme, _): (&str, &str)| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let is_plain = !text.contains(|letter: char| letter.is_control() || letter.is_whitespace());
    let is_sound = text.len() <= URL_MAX && is_plain && text.split_once("://").is_some_and(is_web);
    (is_sound && Url::parse(text).is_ok()).then(|| text.to_owned())
}

/// The trace that an attempt belongs to (W3C Trace Context): the distribution
/// is the trace, the attempt the span, named by the random half of the
/// delivery's id and its own number.
pub fn traceparent(call: &Call) -> String {
    let delivery = &call.delivery;
    let (_, random) = delivery.id.0.as_u64_pair();
    let number = u64::from(delivery.generation) << 32 | u64::from(delivery.attempt);
    format!("00-{:032x}-{:016x}-01", call.distribution.0.as_u128(), random ^ number)
}

/// Tells what was never sent from what may have arrived.
fn exchange_error(error: ClientError) -> ExchangeError {
    if error.is_connect() {
        return ExchangeError::NotSent(connect::failure(&error), error.into());
    }
    if was_never_begun(&error) {
        return ExchangeError::NotSent(NotSent::Closed, error.into());
    }
    broken_off(error)
}

/// The connection's task gave the request back as it was: hyper calls only that
/// cancelled.
fn was_never_begun(error: &ClientError) -> bool {
    let inner = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    inner.is_some_and(hyper::Error::is_canceled)
}

fn broken_off(error: impl Error + Send + Sync + 'static) -> ExchangeError {
    ExchangeError::Lost {
        timed_out: false,
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_or_not_at_all() {
        for good in ["https://a.kr/1?a=1&b=2", "HTTP://a.kr", "https://빵집.kr/글"] {
            assert_eq!(sound_url(good).as_deref(), Some(good));
        }
        assert_eq!(sound_url("\n https://a.kr/1 ").as_deref(), Some("https://a.kr/1"));
        for bad in [
            "",
            "https:/a.kr/1",
            "https:a.kr",
            "https://",
            "https://a.kr/\n1",
            "ht\ttps://a.kr",
            "https://a.kr/a b",
            "javascript:alert(1)",
            "javascript://a.kr/%0aalert(1)",
            "//a.kr/1",
        ] {
            assert_eq!(sound_url(bad), None, "{bad}");
        }
        assert_eq!(sound_url(&format!("https://a.kr/{}", "x".repeat(URL_MAX))), None);
    }

    /// The cut may fall anywhere into a number, and a long answer is cut off where
    /// it is read, too.
    #[test]
    fn no_part_of_a_number_is_left_where_an_answer_is_cut() {
        for filled in WORDS_MAX - 20..WORDS_MAX + 5 {
            for cut in [0, 1, 4, 8] {
                let body = format!("{}to 010-5555-0107", "x".repeat(filled));
                let answer = Answer {
                    status: StatusCode::BAD_REQUEST,
                    headers: HeaderMap::new(),
                    body: Bytes::copy_from_slice(&body.as_bytes()[..body.len() - cut]),
                    cut: cut > 0,
                };
                let words = answer.words_without_numbers();
                assert!(
                    !words.contains("010") && !words.contains("555"),
                    "{filled} {cut}: {words}"
                );
                assert!(words.starts_with("400 xxx"));
            }
        }
    }
}
