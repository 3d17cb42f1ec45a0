//! A real service on a port of its own, over a database of its own, and a
//! client that sees everything of an answer. Nothing is faked: in mock mode the
//! whole service runs without a network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use fanfare::app::{self, App};
use fanfare::clock::{Clock, SystemClock};
use fanfare::config::Config;
use fanfare::keys::{KEY_BYTES, NewKey};
use fanfare_core::api_key::{KeyId, Scope};
use fanfare_core::ids::TenantId;
use fanfare_ledger::SqliteKeys;
use fanfare_ledger::api_keys::ApiKeys;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running service.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    app: App,
    client: HttpClient,
    data: TempDir,
}

impl Service {
    /// With the defaults, on a free port.
    pub(crate) async fn start() -> Self {
        Self::start_as(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_as(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(Arc::new(SystemClock::default()), change).await
    }

    /// The same at another time.
    pub(crate) async fn start_at(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(TempDir::new().unwrap(), clock, change).await
    }

    /// Where its data lie.
    pub(crate) fn data_dir(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Stops it and starts it again over the same data.
    pub(crate) async fn restart_at(self, clock: Arc<dyn Clock>) -> Self {
        tokio::time::timeout(PATIENCE, self.app.stop()).await.unwrap();
        Self::start_on(self.data, clock, |_| {}).await
    }

    async fn start_on(data: TempDir, clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let app = app::start_with(&config, clock).await.unwrap();
        Self {
            address: app.address,
            app,
            client: Client::builder(TokioExecutor::new()).build_http(),
            data,
        }
    }

    /// The same at another time, with other settings.
    pub(crate) async fn restart_at_as(self, clock: Arc<dyn Clock>, change: impl FnOnce(&mut Config)) -> Self {
        tokio::time::timeout(PATIENCE, self.app.stop()).await.unwrap();
        Self::start_on(self.data, clock, change).await
    }

    /// The same with other settings.
    pub(crate) async fn restart_as(self, change: impl FnOnce(&mut Config)) -> Self {
        tokio::time::timeout(PATIENCE, self.app.stop()).await.unwrap();
        Self::start_on(self.data, Arc::new(SystemClock::default()), change).await
    }

    /// Makes a key as `fanfare keys create` does, beside the service.
    pub(crate) async fn key(&self, tenant: &str, scopes: &[Scope]) -> Key {
        let keys = SqliteKeys::open_beside(self.data.path()).unwrap();
        let byte = u8::try_from(keys.api_keys(None).await.unwrap().len()).unwrap();
        let random = ([byte; KEY_BYTES], [byte; 16]);
        let now = SystemClock::default().now();
        let new = NewKey::make(random, TenantId::new(tenant), "test".to_owned(), scopes, now);
        keys.insert_api_key(&new.key, &new.hash).await.unwrap();
        Key {
            id: new.key.id,
            tenant: new.key.tenant,
            bearer: format!("Bearer {}", new.text.reveal()),
        }
    }

    /// Revokes it as `fanfare keys revoke` does.
    pub(crate) async fn revoke(&self, key: &Key) {
        let keys = SqliteKeys::open_beside(self.data.path()).unwrap();
        let now = SystemClock::default().now();
        let revoked = keys.revoke_api_key(&key.tenant, key.id, now).await.unwrap();
        assert!(revoked.is_some());
    }

    /// Stops it as SIGTERM does; the data are deleted afterwards.
    pub(crate) async fn stop(self) {
        tokio::time::timeout(PATIENCE, self.app.stop()).await.unwrap();
        self.data.close().unwrap();
    }

    /// All that is in its data directory.
    pub(crate) fn data_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.data.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    /// Asks, with these headers.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let url = format!("http://{}{path}", self.address);
        send(&self.client, method, &url, headers, body).await
    }

    /// Asks for a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body).await
    }

    /// Sends JSON, with further headers.
    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send("POST", path, headers, body).await
    }

    /// The same by another method.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        let headers: Vec<_> = json.iter().chain(headers).copied().collect();
        self.ask(method, path, &headers, body.to_string().as_bytes()).await
    }

    /// Distributes.
    pub(crate) async fn distribute(&self, body: &Value) -> Answer {
        self.post(DISTRIBUTE, body).await
    }

    /// A connection on which bytes can be sent as nobody should.
    pub(crate) async fn connect(&self) -> Wire {
        Wire(TcpStream::connect(self.address).await.unwrap())
    }
}

/// An API key.
pub(crate) struct Key {
    id: KeyId,
    tenant: TenantId,
    /// What `Authorization` has to hold.
    pub(crate) bearer: String,
}

impl Key {
    /// The header that brings it.
    pub(crate) fn header(&self) -> (&str, &str) {
        ("authorization", &self.bearer)
    }
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

async fn send(client: &HttpClient, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::from(body.to_vec())).unwrap();
    let asked = async {
        let (parts, body) = client.request(request).await.unwrap().into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}

/// Asks somebody else than the service; what is sent is JSON.
pub(crate) async fn ask_elsewhere(method: &str, url: &str, body: &[u8]) -> Answer {
    ask_elsewhere_with(method, url, &[], body).await
}

/// The same with further headers.
pub(crate) async fn ask_elsewhere_with(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let headers = [&[("content-type", "application/json")], headers].concat();
    send(&client, method, url, &headers, body).await
}

pub(crate) const DISTRIBUTE: &str = "/api/distribution/distribute";

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn success(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("x-request-id").len(), 32);
        self.json()
    }

    /// The body of a problem that is whole, as I19 demands it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:fanfare:problem:{code}"));
        assert_eq!(problem["traceId"], self.header("x-request-id"));
        for text in ["title", "detail"] {
            assert!(!problem[text].as_str().unwrap().is_empty(), "{problem}");
        }
        assert!(self.header("vary").contains("accept-language"));
        problem
    }

    /// Where the problem's faults are, and what each is.
    #[track_caller]
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let problem = self.problem(422, "validation_failed");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = problem["errors"].as_array().unwrap().iter();
        errors
            .map(|error| {
                assert!(!text(&error["detail"]).is_empty(), "{error}");
                let place = if error["pointer"].is_null() {
                    "parameter"
                } else {
                    "pointer"
                };
                (text(&error[place]), text(&error["code"]))
            })
            .collect()
    }
}

/// A bare connection.
pub(crate) struct Wire(TcpStream);

impl Wire {
    /// Sends bytes; that the other side has closed is no failure.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(mut self) -> String {
        let mut read = Vec::new();
        let reading = self.0.read_to_end(&mut read);
        _ = tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the connection stayed open");
        String::from_utf8_lossy(&read).into_owned()
    }

    /// One answer: its head and as much of its body as is declared.
    pub(crate) async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let reading = async {
            loop {
                let mut chunk = [0; 4_096];
                let count = self.0.read(&mut chunk).await.unwrap_or(0);
                read.extend_from_slice(&chunk[..count]);
                if count == 0 || is_whole(&read) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("no answer");
        String::from_utf8_lossy(&read).into_owned()
    }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// When 지니TV is to show it: always ahead, whenever the tests run.
pub(crate) fn schedule() -> Value {
    let day = |days| days_ahead(days).strftime("%Y-%m-%d").to_string();
    json!({"startDate": day(3), "endDate": day(9), "dayparts": ["18:00-22:00"]})
}

/// So many days from now by the real clock.
pub(crate) fn days_ahead(days: i64) -> jiff::Timestamp {
    SystemClock::default().now() + jiff::SignedDuration::from_hours(24 * days)
}
