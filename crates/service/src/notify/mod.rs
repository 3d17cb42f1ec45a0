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
//! | `upkeep.rs` | says which endpoints there are, and forgets what is over |
//!
//! What is told of distributions is put into the database by the commit that it
//! follows from; which words, and when again, is said in the core (`notice/`). No
//! distribution waits for anything here.

mod alarms;
mod mail;
pub mod payload;
mod sender;
mod sink;
mod upkeep;
mod webhook;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::http::{HttpClient, HttpSettings, SetupError};
use fanfare_core::notice::Subscription;
use fanfare_ledger::{Store, StoreError};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::mail::{MailError, Mailer};
pub use self::webhook::SigningKey;

use self::alarms::Alarms;
pub use self::alarms::Tokens;
use self::sender::{Sender, Standing};
use self::sink::{Form, Sink};
use self::upkeep::Upkeep;
use crate::clock::Clock;
use crate::config::{Config, EndpointKind, NoticeEndpoint};
use crate::perform::EngineHandle;
use crate::standing::Overdue;
use crate::tasks;

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
    /// What a webhook is signed with could be read when the configuration was
    /// looked at, and can't be any more.
    #[error("notices can't be signed: notices.{endpoint}.secret or secret_file can't be read")]
    Secret {
        /// The endpoint's name.
        endpoint: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The endpoints could not be kept.
    #[error("notices can't be kept")]
    Store(#[from] StoreError),
}

/// What notices work with.
pub struct Parts {
    /// The endpoints, as [`subscribe`] has kept them.
    pub named: Named,
    /// Where they are.
    pub store: Arc<dyn Store>,
    /// For the breakers and the relay.
    pub engine: EngineHandle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How Instagram's tokens stand, where they are looked after.
    pub tokens: Tokens,
    /// What does not go on, of all nodes.
    pub(crate) overdue: watch::Receiver<Overdue>,
    /// For jitter.
    pub rng: StdRng,
}

/// The endpoints' names and fingerprints: made once, as a file that one is made of
/// may change.
pub type Named = Vec<(String, String)>;

/// Sending, running.
pub struct Running {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Keeps which endpoints there are, and has what is committed from now on told to
/// them. Before anything is committed: what was committed earlier is told to nobody.
///
/// # Errors
/// Where the database fails, or a secret can't be read.
pub async fn subscribe(config: &Config, store: &dyn Store, now: Timestamp) -> Result<Named, NotifyError> {
    let named = named(config)?;
    store.configure_endpoints(&named, now).await?;
    let subscriptions: Vec<Subscription> = config.notices.iter().map(NoticeEndpoint::subscription).collect();
    store.subscribe(subscriptions.into());
    Ok(named)
}

fn named(config: &Config) -> Result<Named, NotifyError> {
    let named = config.notices.iter().map(|endpoint| {
        let fingerprint = endpoint.fingerprint().map_err(|error| no_secret(endpoint, error))?;
        Ok((endpoint.name.clone(), fingerprint))
    });
    named.collect()
}

fn no_secret(endpoint: &NoticeEndpoint, source: io::Error) -> NotifyError {
    NotifyError::Secret {
        endpoint: endpoint.name.clone(),
        source,
    }
}

/// Starts to send; `address` is the service's own door.
///
/// # Errors
/// Where the system's trusted certificates can't be read, or a secret.
pub fn start(config: &Config, address: SocketAddr, mut parts: Parts) -> Result<Running, NotifyError> {
    let (stop, stopping) = watch::channel(false);
    let own = format!("http://{address}");
    let base: Arc<str> = config.public_url.as_deref().unwrap_or(&own).into();
    let named = std::mem::take(&mut parts.named);
    // All that may fail, before anything runs.
    let senders: Result<Vec<_>, _> = config
        .notices
        .iter()
        .zip(&named)
        .map(|(endpoint, (_, fingerprint))| sender(endpoint, fingerprint, &base, &mut parts))
        .collect();
    let mut tasks: Vec<_> = senders?
        .into_iter()
        .map(|sender| tokio::spawn(sender.run(stopping.clone())))
        .collect();
    let upkeep = Upkeep {
        store: Arc::clone(&parts.store),
        clock: Arc::clone(&parts.clock),
        endpoints: named,
        kept: upkeep::kept(config.retention.days),
        forgot_at: None,
    };
    tasks.push(tokio::spawn(upkeep.run(stopping.clone())));
    if !config.notices.is_empty() {
        let alarms = Alarms {
            store: parts.store,
            engine: parts.engine,
            clock: parts.clock,
            tokens: parts.tokens,
            overdue: parts.overdue,
            publishes: config.kafka_brokers.is_some(),
            said: BTreeMap::new(),
            said_of_tenants: BTreeMap::new(),
            open_accounts: BTreeMap::new(),
            began: Instant::now(),
        };
        tasks.push(tokio::spawn(alarms.run(stopping)));
    }
    Ok(Running { stop, tasks })
}

fn sender(
    endpoint: &NoticeEndpoint,
    fingerprint: &str,
    base: &Arc<str>,
    parts: &mut Parts,
) -> Result<Sender, NotifyError> {
    Ok(Sender {
        name: endpoint.name.clone(),
        fingerprint: fingerprint.to_owned(),
        sink: Sink {
            form: form(endpoint)?,
            language: endpoint.language.into(),
            base: Arc::clone(base),
        },
        store: Arc::<dyn Store>::clone(&parts.store),
        life: parts.engine.life().clone(),
        clock: Arc::clone(&parts.clock),
        rng: StdRng::seed_from_u64(parts.rng.random()),
        unkept: None,
        standing: Standing::default(),
    })
}

/// A webhook is signed or not sent at all.
fn form(endpoint: &NoticeEndpoint) -> Result<Form, NotifyError> {
    let url = endpoint.url.clone();
    Ok(match endpoint.kind {
        EndpointKind::Email => Form::Mail(Mailer::new(endpoint)?),
        EndpointKind::Slack => Form::Chat(client(endpoint)?, url),
        EndpointKind::Webhook => {
            let keys = endpoint.signing_keys().map_err(|error| no_secret(endpoint, error))?;
            Form::Webhook(client(endpoint)?, url, keys)
        }
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
        tasks::end(self.tasks, STOP_TIMEOUT).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It was there when the configuration was looked at.
    #[test]
    fn a_webhook_whose_secret_is_gone_is_not_sent_unsigned() {
        let endpoint: NoticeEndpoint = toml::from_str(
            "name = \"ops\"\nkind = \"webhook\"\nurl = \"https://ops.example.com/\"\nsecret_file = \"/nowhere\"",
        )
        .unwrap();
        let error = form(&endpoint).err().expect("it must not be sent");
        assert!(
            matches!(&error, NotifyError::Secret { endpoint, .. } if endpoint == "ops"),
            "{error}"
        );
        let config = Config {
            notices: vec![endpoint],
            ..Config::default()
        };
        assert!(
            matches!(named(&config), Err(NotifyError::Secret { .. })),
            "nor is it another endpoint now"
        );
    }
}
