//! Who is told by notices in the story: an operator and an owner. They listen in
//! this process. Deliberately absent: that they verify the signature; who writes to
//! them is this process.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::routing::post;
use fanfare_channels::secret::Secret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::commands::answer::text;
use crate::commands::failure::Failure;
use crate::config::{EndpointKind, NoticeEndpoint, NoticeLanguage};

/// Both, and in which language each is told.
pub(super) const WHO: [(&str, NoticeLanguage); 2] = [("operator", NoticeLanguage::En), ("owner", NoticeLanguage::Ko)];

/// A webhook has to be signed with something.
const SECRET: &str = "whsec_YSBzdG9yeSBuZWVkcyBubyBzZWNyZXRzLCBhIHNlcnZpY2UgZG9lcw==";

/// What somebody was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) who: String,
    /// Such as `breaker.opened`.
    pub(super) kind: String,
    pub(super) title: String,
}

type Heard = Arc<Mutex<Vec<Told>>>;

/// They listen until this is dropped.
pub(super) struct Listeners {
    url: String,
    heard: Heard,
    task: JoinHandle<()>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listeners {
    pub(super) async fn start() -> Result<Self, Failure> {
        let heard = Heard::default();
        let router = Router::new().route("/{who}", post(hear)).with_state(Arc::clone(&heard));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("nobody can listen for notices")?;
        let address = listener.local_addr().context("nobody can listen for notices")?;
        let serve = async move {
            // It ends with the story; a notice that fails is seen there.
            _ = axum::serve(listener, router).await;
        };
        Ok(Self {
            url: format!("http://{address}"),
            heard,
            task: tokio::spawn(serve),
        })
    }

    /// As the service is told of them.
    pub(super) fn endpoints(&self) -> Vec<NoticeEndpoint> {
        let endpoint = |(name, language): (&str, NoticeLanguage)| NoticeEndpoint {
            name: name.to_owned(),
            kind: EndpointKind::Webhook,
            url: Secret::new(format!("{}/{name}", self.url)),
            secret: vec![Secret::new(SECRET)],
            secret_file: None,
            from: None,
            to: Vec::new(),
            language,
            events: None,
            tenant: None,
            allow_inside: true,
        };
        WHO.map(endpoint).into()
    }

    /// How often one of them was told this.
    pub(super) fn times(&self, who: &str, kind: &str) -> usize {
        let heard = self.heard();
        heard.iter().filter(|told| told.who == who && told.kind == kind).count()
    }

    /// All that was told so far, in its order.
    pub(super) fn heard(&self) -> Vec<Told> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn hear(State(heard): State<Heard>, Path(who): Path<String>, Json(message): Json<Value>) {
    let (kind, title) = (text(&message["type"]), text(&message["data"]["title"]));
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.push(Told { who, kind, title });
}
