//! A channel's HTTP API: its address, its token, and the requests that clients
//! make of it.

use bytes::Bytes;
use fanfare_core::delivery::Phase;
use fanfare_core::engine::Call;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request};
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::http::{Answer, ExchangeError, HttpClient, traceparent};
use crate::patience::Patience;
use crate::secret::{Secret, Token};

/// Where a channel is called, and as whom.
#[derive(Debug, Clone)]
pub struct Api {
    http: HttpClient,
    /// For calls that only read, and by which nothing in doubt is found out.
    patience: Patience,
    base: Url,
    token: Token,
    /// Where the token stands alone; as a bearer token in `Authorization` unless
    /// another is set.
    token_header: HeaderName,
    key_header: HeaderName,
}

/// What goes with a request beside its address.
pub(crate) enum Body<'b> {
    None,
    Form(&'b [(&'b str, &'b str)]),
    Json {
        value: &'b Value,
        key: &'b str,
    },
    /// Parts that are put together already.
    Multipart {
        boundary: &'b str,
        parts: Bytes,
    },
    /// Who asks stands in it, not in a header.
    Xml(String),
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Api {
    /// `base` is the operator's own and trusted, or was looked at; paths are put below it.
    pub fn new(http: HttpClient, base: Url, token: impl Into<Token>) -> Self {
        Self {
            patience: http.patience(),
            http,
            base,
            token: token.into(),
            token_header: AUTHORIZATION,
            key_header: IDEMPOTENCY_KEY,
        }
    }

    /// The same, for a channel with headers of its own for token and key, and
    /// longer answers.
    #[must_use]
    pub(crate) fn with_headers(mut self, token: HeaderName, key: HeaderName, max_answer_bytes: usize) -> Self {
        (self.token_header, self.key_header) = (token, key);
        self.http = self.http.with_longer_answers(max_answer_bytes);
        self
    }

    /// The same API with this path as its base.
    #[must_use]
    pub fn below(mut self, path: &[&str]) -> Self {
        self.base = self.url(path);
        self
    }

    /// For channels whose requests hold it themselves.
    pub(crate) fn token(&self) -> Secret {
        self.token.get()
    }

    /// Where it is: scheme, host and port. A path may hold what is not shown.
    pub(crate) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Whether that is this host.
    pub(crate) fn is_at(&self, host: &str) -> bool {
        self.base.host_str() == Some(host)
    }

    /// Whether it is called over TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether something answers there.
    pub(crate) async fn probe(&self) -> Result<(), ExchangeError> {
        self.http.probe(&self.base).await
    }

    pub(crate) async fn get(
        &self,
        call: &Call,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, ExchangeError> {
        let url = self.url_with(path, query);
        if call.delivery.phase == Phase::Unknown {
            // What is in doubt costs a person where it is not found.
            return self.send(Some(call), Method::GET, url, Body::None).await;
        }
        self.read(Some(call), url).await
    }

    /// Reads for no delivery.
    pub(crate) async fn look(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, ExchangeError> {
        self.read(None, self.url_with(path, query)).await
    }

    pub(crate) async fn post(&self, call: &Call, path: &[&str], body: Body<'_>) -> Result<Answer, ExchangeError> {
        self.send(Some(call), Method::POST, self.url(path), body).await
    }

    /// Asks for a secret, which is not kept out of the answer. What gives one may
    /// spend the one before: it is waited for like any other effect.
    pub(crate) async fn look_for_secret(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, ExchangeError> {
        let url = self.url_with(path, query);
        let request = self.request(&self.token(), None, Method::GET, &url, Body::None);
        self.http.send(request).await
    }

    /// A document that only asks, for no delivery.
    pub(crate) async fn look_by_xml(&self, xml: String) -> Result<Answer, ExchangeError> {
        self.send(None, Method::POST, self.url(&[]), Body::Xml(xml)).await
    }

    /// `query` is as it stands in the address.
    pub(crate) async fn put(
        &self,
        call: &Call,
        path: &[&str],
        query: Option<&str>,
        body: Body<'_>,
    ) -> Result<Answer, ExchangeError> {
        let mut url = self.url(path);
        url.set_query(query);
        self.send(Some(call), Method::PUT, url, body).await
    }

    pub(crate) async fn delete(
        &self,
        call: &Call,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer, ExchangeError> {
        let url = if query.is_empty() {
            self.url(path)
        } else {
            self.url_with(path, query)
        };
        self.send(Some(call), Method::DELETE, url, Body::None).await
    }

    fn url_with(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Refused only by addresses such as `mailto:`, which are no base.
        if !path.is_empty()
            && let Ok(mut segments) = url.path_segments_mut()
        {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send(
        &self,
        call: Option<&Call>,
        method: Method,
        url: Url,
        body: Body<'_>,
    ) -> Result<Answer, ExchangeError> {
        // The one that is sent: it may be changed before the answer comes.
        let token = self.token();
        let request = self.request(&token, call, method, &url, body);
        Ok(token.kept_out_of(self.http.send(request).await?))
    }

    async fn read(&self, call: Option<&Call>, url: Url) -> Result<Answer, ExchangeError> {
        let token = self.token();
        let request = self.request(&token, call, Method::GET, &url, Body::None);
        Ok(token.kept_out_of(self.http.send_with(&self.patience, request).await?))
    }

    fn request(
        &self,
        token: &Secret,
        call: Option<&Call>,
        method: Method,
        url: &Url,
        body: Body<'_>,
    ) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        // What `url` wrote, `http` reads, except where it is longer than 64 KiB:
        // then the request goes to `/`, and is refused there.
        *request.uri_mut() = url.as_str().parse().unwrap_or_default();
        let headers = request.headers_mut();
        let mut set = |name, text: &str| {
            if let Ok(mut value) = HeaderValue::from_str(text) {
                value.set_sensitive(name == self.token_header);
                headers.insert(name, value);
            }
        };
        if self.token_header != AUTHORIZATION {
            set(self.token_header.clone(), token.reveal());
        } else if !matches!(body, Body::Xml(_)) {
            set(AUTHORIZATION, &format!("Bearer {}", token.reveal()));
        }
        if let Some(call) = call {
            set(TRACEPARENT, &traceparent(call));
        }
        match body {
            Body::None => {}
            Body::Form(pairs) => {
                set(CONTENT_TYPE, "application/x-www-form-urlencoded");
                let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
                *request.body_mut() = form.into();
            }
            Body::Json { value, key } => {
                set(CONTENT_TYPE, "application/json");
                set(self.key_header.clone(), key);
                *request.body_mut() = value.to_string().into();
            }
            Body::Multipart { boundary, parts } => {
                set(CONTENT_TYPE, &format!("multipart/form-data; boundary={boundary}"));
                *request.body_mut() = parts;
            }
            Body::Xml(xml) => {
                set(CONTENT_TYPE, "text/xml; charset=utf-8");
                *request.body_mut() = xml.into();
            }
        }
        request
    }
}
