//! The partner's endpoint, asked as any client would ask it; and what it says
//! when it refuses, which is looked at in the end.

use std::sync::Mutex;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use fanfare_channels::http::{Answer, HttpClient, HttpSettings};
use fanfare_channels::secret::Secret;
use serde_json::Value;
use url::Url;

use super::super::failure::Failure;
use super::Report;

pub(super) struct Partner {
    http: HttpClient,
    base: Url,
    token: Secret,
    /// Refusals that were no problems (RFC 9457).
    odd: Mutex<Vec<String>>,
}

/// As whom a request is made.
pub(super) enum As<'t> {
    Us,
    Nobody,
    Another(&'t str),
}

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a [String],
    /// As it stands in the address.
    pub(super) query: Option<String>,
    pub(super) by: As<'a>,
    pub(super) key: Option<&'a str>,
    pub(super) body: Option<Bytes>,
}

impl Partner {
    pub(super) fn new(base: Url, token: Secret) -> Result<Self, Failure> {
        let http = HttpClient::new(&HttpSettings::default());
        Ok(Self {
            http: http.map_err(|error| Failure::Broken(error.into()))?,
            base,
            token,
            odd: Mutex::default(),
        })
    }

    /// Whether anybody is there.
    pub(super) async fn answers(&self) -> anyhow::Result<()> {
        let answer = self.http.probe(&self.base).await;
        answer.map_err(|error| anyhow::anyhow!("nothing answers at {}: {}", self.base, error.words()))
    }

    /// Its answer, or why there is none, in words.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Answer, String> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(ask.path);
        }
        url.set_query(ask.query.as_deref());
        let mut request = Request::builder().method(ask.method).uri(url.as_str());
        let bearer = match ask.by {
            As::Us => Some(self.token.reveal()),
            As::Nobody => None,
            As::Another(token) => Some(token),
        };
        if let Some(bearer) = bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if ask.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(ask.body.unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let answer = self.http.send(request).await.map_err(|error| error.words())?;
        self.note(ask.method, &answer);
        Ok(answer)
    }

    /// Refusals have a form.
    fn note(&self, method: &str, answer: &Answer) {
        if !answer.status.is_client_error() {
            return;
        }
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("nothing");
        let status = answer.status.as_u16();
        let problem = answer.json::<Value>().unwrap_or_default();
        let sound = kind.starts_with("application/problem+json")
            && problem["status"] == status
            && problem["title"].is_string()
            && problem["code"].is_string();
        if let (false, Ok(mut odd)) = (sound, self.odd.lock()) {
            odd.push(format!("{method} was refused with {status} as {kind}"));
        }
    }

    /// Of everything that was refused so far.
    pub(super) fn check_problems(&self, report: &mut Report) {
        let odd = self.odd.lock().map(|odd| odd.first().cloned()).unwrap_or_default();
        let promise = "refusals are problem+json (RFC 9457) with status, title and code";
        report.add("problem-json", promise, odd.map_or(Ok(()), Err));
    }
}
