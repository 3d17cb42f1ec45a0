//! Notices: tells operators and owners, once, what went wrong and what to do.
//!
//! | file | does |
//! |---|---|
//! | `sender.rs` | the loop of one endpoint: what is due, sent, and what came of it |
//! | `sink.rs` | sends one: a signed webhook, a chat's text, or a mail |
//! | `webhook.rs` | signs as Standard Webhooks says |
//! | `mail.rs` | sends a mail |
//! | `payload.rs` | what a webhook is told |
//! | `alarms.rs` | sees what is wrong with the service itself |
//!
//! What is told of distributions is put into the database by the commit that it
//! follows from; which words, and when again, is said in the core (`notice/`). No
//! distribution waits for anything here.

mod alarms;
mod mail;
pub mod payload;
mod sender;
mod sink;
mod webhook;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::http::{HttpClient, HttpSettings, SetupError};
use fanfare_core::notice::Subscription;
use fanfare_ledger::{Store, StoreError};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::mail::{MailError, Mailer};
pub use self::webhook::SigningKey;

use self::alarms::Alarms;
use self::sender::Sender;
use self::sink::{Form, Sink};
use crate::clock::Clock;
use crate::config::{Config, EndpointKind, NoticeEndpoint};
use crate::perform::EngineHandle;

/// How long a stop waits for what is just being sent; what is not known to have
/// arrived then is sent again by the next start, under the same id.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Of an endpoint's answer so much is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Notices can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The HTTP client could not be set up.
    #[error("notices can't be sent")]
    Http(#[from] SetupError),
    /// Mail can't be sent.
    #[error("notices can't be sent by mail")]
    Mail(#[from] MailError),
    /// The endpoints could not be kept.
    #[error("notices can't be kept")]
    Store(#[from] StoreError),
}

/// What notices work with.
pub struct Parts {
    /// Where they are.
    pub store: Arc<dyn Store>,
    /// For the breakers and the relay.
    pub engine: EngineHandle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub rng: StdRng,
}

/// Sending, running.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Keeps which endpoints there are, and has what is committed from now on told to
/// them. Before anything is committed: what was committed earlier is told to nobody.
///
/// # Errors
/// Where the database fails.
pub async fn subscribe(config: &Config, store: &dyn Store) -> Result<(), NotifyError> {
    let endpoints: Vec<_> = config
        .notices
        .iter()
        .map(|endpoint| (endpoint.name.clone(), endpoint.fingerprint()))
        .collect();
    store.configure_endpoints(&endpoints).await?;
    let subscriptions: Vec<Subscription> = config.notices.iter().map(NoticeEndpoint::subscription).collect();
    store.subscribe(subscriptions.into());
    Ok(())
}

/// Starts to send; `address` is the service's own door.
///
/// # Errors
/// Where the system's trusted certificates can't be read.
pub fn start(config: &Config, address: SocketAddr, mut parts: Parts) -> Result<Running, NotifyError> {
    let (stop, stopping) = watch::channel(false);
    let own = format!("http://{address}");
    let base: Arc<str> = config.public_url.as_deref().unwrap_or(&own).into();
    let mut tasks = Vec::new();
    for endpoint in &config.notices {
        let sender = Sender {
            name: endpoint.name.clone(),
            sink: Sink {
                form: form(endpoint)?,
                language: endpoint.language.into(),
                base: Arc::clone(&base),
            },
            store: Arc::clone(&parts.store),
            life: parts.engine.life().clone(),
            clock: Arc::clone(&parts.clock),
            rng: StdRng::seed_from_u64(parts.rng.random()),
        };
        tasks.push(tokio::spawn(sender.run(stopping.clone())));
    }
    if !config.notices.is_empty() {
        let alarms = Alarms {
            store: parts.store,
            engine: parts.engine,
            clock: parts.clock,
            publishes: config.kafka_brokers.is_some(),
            said: BTreeMap::new(),
            forgot_at: None,
            began: Instant::now(),
        };
        tasks.push(tokio::spawn(alarms.run(stopping)));
    }
    Ok(Running { stop, tasks })
}

fn form(endpoint: &NoticeEndpoint) -> Result<Form, NotifyError> {
    let url = endpoint.url.clone();
    Ok(match (endpoint.kind, endpoint.signing_key()) {
        (EndpointKind::Email, _) => Form::Mail(Mailer::new(endpoint)?),
        (_, Some(key)) => Form::Webhook(client(endpoint)?, url, key),
        (_, None) => Form::Chat(client(endpoint)?, url),
    })
}

/// Connects to the public internet alone, unless it is told that its address lies
/// inside. No redirect is followed: it asks that address and no other.
fn client(endpoint: &NoticeEndpoint) -> Result<HttpClient, SetupError> {
    let settings = HttpSettings {
        max_answer_bytes: MAX_ANSWER_BYTES,
        ..HttpSettings::default()
    };
    if endpoint.allow_inside {
        HttpClient::new(&settings)
    } else {
        HttpClient::public(&settings)
    }
}

impl Running {
    /// Ends what is just being sent, and lets the endpoints go.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for mut task in self.tasks {
            if tokio::time::timeout(STOP_TIMEOUT, &mut task).await.is_err() {
                task.abort();
                // It was aborted: that is all that it can say.
                _ = task.await;
            }
        }
    }
}
