//! A small HTTP client: plain HTTP/1.1, JSON, one service.
//!
//! TLS is not here: the service does not speak it either, and whoever puts it
//! behind a proxy has `curl`.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::failure::{Failure, Problem};

/// For an answer that needs no waiting for channels.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// One service.
#[derive(Debug, Clone)]
pub(super) struct Client {
    base: String,
    authorization: Option<HeaderValue>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

/// An answer of 2xx.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    pub(super) fn json(&self) -> Result<Value, Failure> {
        Ok(serde_json::from_slice(&self.body).context("the service's answer is not JSON; is --url right?")?)
    }

    /// A header's text, empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Client {
    /// Of the service at this address; nothing is sent yet.
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::Usage(format!(
                "--url {url:?} cannot be used: {why}. Example: http://127.0.0.1:8080"
            ))
        };
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("{error}")))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(wrong(
                    "this command speaks plain http only; name the service itself, not the proxy before it",
                ));
            }
            _ => return Err(wrong("it must begin with http://")),
        }
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            authorization: None,
            http,
        })
    }

    /// The same, with this API key in every request.
    pub(super) fn with_key(mut self, key: &str) -> Result<Self, Failure> {
        let value = HeaderValue::try_from(format!("Bearer {key}"));
        // The key itself is not said.
        let mut value = value.map_err(|_not_a_header| {
            Failure::Usage("FANFARE_API_KEY is no API key: it holds characters that none has".to_owned())
        })?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// What brings the key, where there is one.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.authorization.clone()
    }

    fn request(&self, method: &Method, path: &str) -> Builder {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.header(ACCEPT_LANGUAGE, language())
    }

    /// Where the service is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, Bytes::new(), &[], TIMEOUT).await
    }

    /// Posts a JSON body.
    pub(super) async fn post(
        &self,
        path: &str,
        body: Bytes,
        headers: &[(HeaderName, String)],
        within: Duration,
    ) -> Result<Reply, Failure> {
        self.send(Method::POST, path, body, headers, within).await
    }

    /// Puts a JSON body.
    pub(super) async fn put(&self, path: &str, body: Bytes) -> Result<Reply, Failure> {
        self.send(Method::PUT, path, body, &[], TIMEOUT).await
    }

    /// Has something taken away.
    pub(super) async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::DELETE, path, Bytes::new(), &[], TIMEOUT).await
    }

    /// Opens a stream of events, after the last one that was seen; `None` where
    /// nothing more will come.
    pub(super) async fn open(&self, path: &str, last: Option<&str>) -> Result<Option<Incoming>, Failure> {
        let mut request = self.request(&Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request
            .body(Full::default())
            .map_err(|error| Failure::Usage(format!("GET {path} cannot be sent: {error}")))?;
        let opened = tokio::time::timeout(TIMEOUT, self.http.request(request));
        let late = |_| anyhow!("GET {}{path}: no answer within {} s", self.base, TIMEOUT.as_secs());
        let response = opened.await.map_err(late)?.map_err(|error| self.lost(&error))?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok(Some(body));
        }
        let body = body
            .collect()
            .await
            .context("the service's answer broke off")?
            .to_bytes();
        let reply = Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        judge(reply, &Method::GET, path).map(|_| None)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(HeaderName, String)],
        within: Duration,
    ) -> Result<Reply, Failure> {
        let mut request = self.request(&method, path);
        if matches!(method, Method::POST | Method::PUT) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Failure::Usage(format!("{method} {path} cannot be sent: {error}")))?;
        let reply = tokio::time::timeout(within, self.exchange(request));
        let late = |_| anyhow!("{method} {}{path}: no answer within {} s", self.base, within.as_secs());
        let reply = reply.await.map_err(late)??;
        judge(reply, &method, path)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let response = self.http.request(request).await.map_err(|error| self.lost(&error))?;
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .context("the service's answer broke off")?
            .to_bytes();
        Ok(Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    fn lost(&self, error: &legacy::Error) -> Failure {
        let why = root_cause(error);
        if error.is_connect() {
            return Failure::Unreachable {
                url: self.base.clone(),
                why,
            };
        }
        Failure::Broken(anyhow!(
            "the connection to {} broke off: {why}. Is it fanfare that listens there?",
            self.base
        ))
    }
}

/// 2xx is an answer, 4xx a refusal, all else a failure of the service.
fn judge(reply: Reply, method: &Method, path: &str) -> Result<Reply, Failure> {
    if reply.status.is_success() {
        return Ok(reply);
    }
    let status = reply.status.as_u16();
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status.is_client_error() {
        return Err(Failure::Refused(Problem { status, body }));
    }
    let said = body["detail"]
        .as_str()
        .or(body["title"].as_str())
        .unwrap_or("it does not say why; its log does");
    let trace = body["traceId"]
        .as_str()
        .map(|trace| format!(" (trace {trace})"))
        .unwrap_or_default();
    Err(Failure::Broken(anyhow!(
        "{method} {path}: the service failed with {status}: {said}{trace}"
    )))
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The language of the terminal, of the two that the service speaks.
fn language() -> &'static str {
    let of = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(of);
    if locale.is_some_and(|locale| locale.starts_with("ko")) {
        "ko"
    } else {
        "en"
    }
}

/// One segment of a path, with everything escaped that is not plainly allowed.
pub(super) fn segment(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_escaped() {
        assert_eq!(segment("event-1_a.b~"), "event-1_a.b~");
        assert_eq!(segment("a/b?c d%"), "a%2Fb%3Fc%20d%25");
        assert_eq!(segment("봄"), "%EB%B4%84");
    }

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let client = Client::new("http://a").unwrap().with_key("ff_canary").unwrap();
        let request = client.request(&Method::GET, "/x").body(()).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer ff_canary");
        assert!(!format!("{client:?} {request:?}").contains("canary"));
        let Err(Failure::Usage(said)) = Client::new("http://a").unwrap().with_key("ff_canary\n") else {
            panic!("it was taken")
        };
        assert!(said.contains("FANFARE_API_KEY") && !said.contains("canary"), "{said}");
    }

    #[test]
    fn only_plain_http_is_spoken() {
        for (url, words) in [
            ("https://a", "plain http"),
            ("localhost:8080", "http://"),
            ("", "http://"),
            ("ftp://a", "http://"),
        ] {
            let Err(Failure::Usage(said)) = Client::new(url) else {
                panic!("{url} is taken")
            };
            assert!(said.contains(words), "{url}: {said}");
        }
        assert_eq!(Client::new("http://a:1/").unwrap().base(), "http://a:1");
    }
}
