//! A request as the channels see it, and what they answer.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep, sleep};
use url::form_urlencoded;

use crate::picture::Found;

/// Between two bytes of an answer that trickles.
const TRICKLE: Duration = Duration::from_millis(100);

/// A request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// Below the channel's prefix, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The simulator's own address.
    pub(crate) base_url: String,
    /// What lies where it names a picture, a film or a sound, for channels that fetch one.
    pub(crate) picture: Found,
}

/// An answer, before any fault.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// The path's parts as they can be matched.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Its last letters tell whose it is, and are no secret.
    pub(crate) fn token_end(&self) -> String {
        let token = self.bearer().unwrap_or_default();
        let start = token.char_indices().rev().nth(5).map_or(0, |(at, _)| at);
        token[start..].to_owned()
    }

    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A parameter, wherever it stands: in the query, a form or a JSON object.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        if let Some(value) = self.query.get(name) {
            return Some(value.clone());
        }
        if self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"))
        {
            return Some(self.json()?.get(name)?.as_str()?.to_owned());
        }
        let mut form = form_urlencoded::parse(&self.body);
        form.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Outgoing {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::text(status, "application/json", value.to_string())
    }

    /// RFC 9457.
    pub(crate) fn problem(status: u16, title: &str, detail: &str) -> Self {
        let value = json!({"type": "about:blank", "title": title, "status": status, "detail": detail});
        Self::text(status, "application/problem+json", value.to_string())
    }

    pub(crate) fn text(status: u16, kind: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: vec![("content-type", kind.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::problem(404, "Not Found", "no such route; GET / lists them")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// By the simulator's clock.
    pub(crate) fn into_response(self, now: Timestamp) -> Response<OutgoingBody> {
        let mut response = Response::new(OutgoingBody::Whole(Some(self.body)));
        *response.status_mut() = self.status;
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            response.headers_mut().insert(hyper::header::DATE, date);
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// The body of an answer.
pub(crate) enum OutgoingBody {
    /// As it should be.
    Whole(Option<Bytes>),
    /// Without end.
    Endless,
    /// A byte now and then, without end.
    Trickle(Pin<Box<Sleep>>),
    /// The beginning, and then the connection is cut.
    Broken(Option<Bytes>, Pin<Box<Sleep>>),
}

impl OutgoingBody {
    /// Cut after what has come so far has had time to be sent.
    pub(crate) fn broken(beginning: &'static [u8]) -> Self {
        Self::Broken(Some(Bytes::from_static(beginning)), Box::pin(sleep(TRICKLE / 4)))
    }

    pub(crate) fn trickle() -> Self {
        Self::Trickle(Box::pin(sleep(TRICKLE)))
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Endless | Self::Trickle(_) | Self::Broken(..) => SizeHint::default(),
        }
    }

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 8_192]))))),
            Self::Broken(body, pause) => match body.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => pause.as_mut().poll(context).map(|()| Some(Err(BrokenOff))),
            },
            Self::Trickle(pause) => match pause.as_mut().poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => {
                    pause.as_mut().reset(Instant::now() + TRICKLE);
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
                }
            },
        }
    }
}

/// The connection is cut on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
pub(crate) struct BrokenOff;
