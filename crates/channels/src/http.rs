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
use http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use reqwest::{redirect, retry};
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

/// Bounds of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSettings {
    /// From the first look-up of the name to the answer's last byte.
    pub deadline: Duration,
    /// For name, connection and TLS together; at most half of the deadline.
    pub connect_timeout: Duration,
    /// Of an answer's body; what is longer is cut off.
    pub max_answer_bytes: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            max_answer_bytes: 64 * 1024,
        }
    }
}

/// The client; clones share the connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: reqwest::Client,
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

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Nothing of the request was sent.
    #[error("nothing was sent: {0}")]
    NotSent(NotSent, #[source] reqwest::Error),
    /// Some of the request may have arrived; what came of it is not known.
    #[error("no whole answer came{}", if *timed_out { " in time" } else { "" })]
    Lost {
        /// The deadline was over.
        timed_out: bool,
        /// What broke off.
        #[source]
        source: reqwest::Error,
    },
}

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
    /// No request could be made of what was to be sent.
    #[error("it is no valid request")]
    Request,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be set up")]
pub struct SetupError(#[from] reqwest::Error);

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
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(inner) = cause {
            words = format!("{words}: {inner}");
            cause = inner.source();
        }
        words
    }
}

impl HttpClient {
    /// # Errors
    /// [`SetupError`] where the system's trusted certificates can't be read.
    pub fn new(settings: &HttpSettings) -> Result<Self, SetupError> {
        // Refused only where one was installed before, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let inner = reqwest::Client::builder()
            .timeout(settings.deadline)
            .connect_timeout(settings.connect_timeout.min(settings.deadline / 2))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("fanfare/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            inner,
            max_answer_bytes: settings.max_answer_bytes,
        })
    }

    /// Sends a request and reads the answer, once.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Answer, ExchangeError> {
        let request = reqwest::Request::try_from(request).map_err(exchange_error)?;
        let mut response = self.inner.execute(request).await.map_err(exchange_error)?;
        let mut body = BytesMut::new();
        let mut cut = false;
        while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
            let room = self.max_answer_bytes - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                cut = true;
                break;
            }
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
            cut,
        })
    }

    /// Whether something answers at `url`, whatever it says.
    pub async fn probe(&self, url: &Url) -> Result<(), ExchangeError> {
        let request = self.inner.head(url.clone()).build().map_err(exchange_error)?;
        self.inner.execute(request).await.map_err(exchange_error)?;
        Ok(())
    }
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
    /// 9110, 10.2.3); nothing where it is neither.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a very long time.
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
        }
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
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
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {}", self.status.as_u16(), text.trim())
    }
}

/// The trace that an attempt belongs to (W3C Trace Context): the distribution
/// is the trace, the attempt the span.
pub fn traceparent(call: &Call) -> String {
    let delivery = &call.delivery;
    let mut name = [0; 8];
    name[..4].copy_from_slice(&delivery.generation.to_be_bytes());
    name[4..].copy_from_slice(&delivery.attempt.to_be_bytes());
    let span = Uuid::new_v5(&delivery.id.0, &name).simple().to_string();
    format!("00-{}-{}-01", call.distribution.0.simple(), &span[..16])
}

/// Tells what was never sent from what may have arrived.
fn exchange_error(error: reqwest::Error) -> ExchangeError {
    // The address may hold what is nobody's business.
    let error = error.without_url();
    if error.is_builder() {
        return ExchangeError::NotSent(NotSent::Request, error);
    }
    if error.is_connect() {
        return ExchangeError::NotSent(connect_failure(&error), error);
    }
    broken_off(error)
}

fn broken_off(error: reqwest::Error) -> ExchangeError {
    ExchangeError::Lost {
        timed_out: error.is_timeout(),
        source: error.without_url(),
    }
}

fn connect_failure(error: &reqwest::Error) -> NotSent {
    if error.is_timeout() {
        return NotSent::ConnectTimeout;
    }
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if is_tls(inner) {
            return NotSent::Tls;
        }
        // The connector tells this by its text alone.
        if inner.to_string() == "dns error" {
            return NotSent::Name;
        }
        cause = inner.source();
    }
    NotSent::Connect
}

/// An I/O error shows the source of what it wraps, not what it wraps; and one
/// may wrap another.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_tls(inner))
}
