//! Somebody who is told notices: keeps what comes, and answers as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::PATIENCE;

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    /// It takes everything.
    Well,
    /// It refuses, and asks to be left alone for so many seconds.
    Busy(u64),
    /// It is there no more.
    Gone,
    /// It takes it and never answers.
    Silent,
}

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> String {
        self.headers["webhook-id"].to_str().unwrap().to_owned()
    }
}

#[derive(Debug)]
struct Inner {
    mood: Mood,
    got: Vec<Got>,
}

/// It listens until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let mood = Mood::Well;
        let inner = Arc::new(Mutex::new(Inner { mood, got: Vec::new() }));
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks/canary", self.address)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.inner.lock().unwrap().mood = mood;
    }

    pub(crate) fn all(&self) -> Vec<Got> {
        self.inner.lock().unwrap().got.clone()
    }

    /// All that came, once it is as many.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        let enough = async {
            loop {
                let got = self.all();
                if got.len() >= count {
                    return got;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        waited.unwrap_or_else(|_late| panic!("{count} were expected, and these came: {:?}", self.all()))
    }
}

async fn take(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = {
        let mut inner = inner.lock().unwrap();
        inner.got.push(Got { headers, body });
        inner.mood
    };
    match mood {
        Mood::Well => StatusCode::NO_CONTENT.into_response(),
        Mood::Busy(seconds) => (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, seconds)], "busy").into_response(),
        Mood::Gone => StatusCode::GONE.into_response(),
        Mood::Silent => std::future::pending().await,
    }
}
