//! Credentials that change while a service runs, kept in the database and sealed:
//! Instagram's token, which is renewed (`renewal.rs`). How they are sealed is in
//! `envelope.rs`.
//!
//! The configured token is the beginning. What it was renewed to is kept with a
//! fingerprint of it, so that a start knows whether its configuration says something
//! new; while a node runs it follows what is kept, so that nodes with an older
//! configuration do not put an older token back.
//!
//! Deliberately absent: accounts that tenants have of their own, which are kept beside it
//! and are not renewed: `accounts/`.

pub(crate) mod envelope;
pub(crate) mod renewal;

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::{Credential, TokenStanding};
use fanfare_core::ids::TenantId;
use fanfare_ledger::credentials::Credentials;
use fanfare_ledger::{DATABASE_FILE, Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::envelope::{KeyRing, KeyRingError};
use self::renewal::Renewal;
use crate::clients::Connected;
use crate::clock::Clock;
use crate::config::{ChannelProtocol, Config};
use crate::sealed::SealError;
use crate::{store, tasks};

/// The one channel whose token lapses.
pub(crate) const CHANNEL: Channel = Channel::Instagram;

/// How long a stop waits for a renewal, beyond a call's deadline: to keep what it gave.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Others may change it meanwhile; nobody does so often.
const TRIES: usize = 8;

/// A token as it is kept, and what it is.
pub(crate) struct Kept {
    pub(crate) row: Credential,
    pub(crate) token: Secret,
}

impl Kept {
    pub(crate) fn standing(&self) -> TokenStanding {
        self.row.standing.clone()
    }
}

/// Why a credential can't be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialError {
    /// There are no keys for it.
    #[error("there is no key for credentials")]
    Keys(#[from] KeyRingError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// None of the keys opens it.
    #[error("the kept credential of {CHANNEL} does not open: set the credentials_key that sealed it")]
    Sealed(#[from] SealError),
    /// It changed each time that it was to be changed.
    #[error("somebody else changes the credential all the time")]
    Contended,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Value {
    token: String,
    /// Of the configured token that it goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

/// How the token stands, as this node knows it.
pub(crate) type Standing = watch::Receiver<Option<TokenStanding>>;

/// What looks after the token.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// A call's.
    deadline: Duration,
    standing: Standing,
}

impl Running {
    pub(crate) fn standing(&self) -> Standing {
        self.standing.clone()
    }

    /// What is just being renewed comes to its end: the old token may be good no more.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        tasks::end(vec![self.task], self.deadline + STOP_TIMEOUT).await;
    }
}

/// What a service begins with. Where nothing can be kept, what is configured is used
/// as it is, and the log says so.
///
/// # Errors
/// [`StoreError`]
pub(crate) async fn at_start(
    config: &Config,
    store: &dyn Credentials,
    now: Timestamp,
) -> Result<Option<(KeyRing, Kept)>, StoreError> {
    if !are_used(config) {
        return Ok(None);
    }
    let kept = async {
        let keys = KeyRing::configured(config)?;
        let kept = begin(config, store, &keys, now).await?;
        Ok(kept.map(|kept| (keys, kept)))
    };
    match kept.await {
        Ok(kept) => Ok(kept),
        Err(CredentialError::Store(error)) => Err(error),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn Error,
                "Instagram's token is used as it is configured, and will not be renewed"
            );
            Ok(None)
        }
    }
}

/// The configuration with the token that is kept in the place of the configured one.
pub(crate) fn with_kept<'c>(config: &'c Config, kept: Option<&(KeyRing, Kept)>) -> Cow<'c, Config> {
    let Some((_, kept)) = kept else {
        return Cow::Borrowed(config);
    };
    let mut config = config.clone();
    config.channels.get_mut(CHANNEL).access_token = Some(kept.token.clone());
    Cow::Owned(config)
}

/// Begins to look after it, where there is a client that it is for.
pub(crate) fn start(
    kept: Option<(KeyRing, Kept)>,
    connected: &Connected,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    deadline: Duration,
) -> Option<Running> {
    let ((keys, kept), tokens) = kept.zip(connected.tokens.clone())?;
    let renewal = Renewal::new((Arc::clone(store), Arc::clone(clock)), keys, tokens, &kept.row);
    let (stop, stopping) = watch::channel(false);
    Some(Running {
        stop,
        standing: renewal.standing(),
        task: tokio::spawn(renewal.run(stopping)),
        deadline,
    })
}

/// Whether this configuration calls Instagram by a token that lapses.
pub(crate) fn are_used(config: &Config) -> bool {
    let instagram = config.channels.get(CHANNEL);
    (instagram.mode, instagram.protocol) == (Mode::Live, ChannelProtocol::Own)
}

/// The token that a start begins with: the one that is kept, unless the
/// configuration says another one than it goes back to; that one is kept then.
///
/// # Errors
/// [`CredentialError`].
pub(crate) async fn begin(
    config: &Config,
    store: &dyn Credentials,
    keys: &KeyRing,
    now: Timestamp,
) -> Result<Option<Kept>, CredentialError> {
    let configured = configured(config);
    for _ in 0..TRIES {
        let mut row = read(store).await?;
        if let Some(row) = &mut row
            && !rotate(store, keys, row).await?
        {
            // Somebody else was first.
            continue;
        }
        let Some(configured) = &configured else {
            return Ok(row.map(|row| opened(keys, row)).transpose()?.map(|(kept, _)| kept));
        };
        let origin = fingerprint(configured);
        let version = match row {
            Some(row) => match opened(keys, row)? {
                (kept, known) if known.as_ref() == Some(&origin) => return Ok(Some(kept)),
                (kept, _) => kept.row.version + 1,
            },
            None => 1,
        };
        let standing = TokenStanding::new(now, None);
        let row = sealed(keys, version, (configured, Some(origin)), standing)?;
        if store.keep_credential(&row).await? {
            let token = configured.clone();
            return Ok(Some(Kept { row, token }));
        }
    }
    Err(CredentialError::Contended)
}

/// Has a row's key sealed by the first of ours: one that is put before the others
/// takes over at the next start. `false`: somebody else changed it meanwhile.
async fn rotate(store: &dyn Credentials, keys: &KeyRing, row: &mut Credential) -> Result<bool, CredentialError> {
    let Some(sealed) = keys.rotate(&row.tenant, row.channel, &row.sealed)? else {
        return Ok(true);
    };
    (row.sealed, row.version) = (sealed, row.version + 1);
    Ok(store.keep_credential(row).await?)
}

/// Whether another can be put in the place of the one that is kept.
///
/// # Errors
/// [`CredentialError`]: another key has sealed it, and who has that would read nothing of ours.
pub(crate) async fn may_be_replaced(store: &dyn Credentials, keys: &KeyRing) -> Result<(), CredentialError> {
    if let Some(row) = read(store).await? {
        opened(keys, row)?;
    }
    Ok(())
}

/// Puts a token in the place of the one that is kept; running services follow.
///
/// # Errors
/// [`CredentialError`].
pub(crate) async fn set(
    config: &Config,
    store: &dyn Credentials,
    keys: &KeyRing,
    token: &Secret,
    standing: &TokenStanding,
) -> Result<(), CredentialError> {
    for _ in 0..TRIES {
        // What services were configured with, they know better than who runs this. A row that
        // does not open is another key's, and its nodes would read no row of ours.
        let (version, origin) = match read(store).await? {
            Some(row) => {
                let (kept, origin) = opened(keys, row)?;
                (kept.row.version + 1, origin)
            }
            None => (1, configured(config).as_ref().map(fingerprint)),
        };
        let row = sealed(keys, version, (token, origin), standing.clone())?;
        if store.keep_credential(&row).await? {
            return Ok(());
        }
    }
    Err(CredentialError::Contended)
}

/// The one that is kept.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn read(store: &dyn Credentials) -> Result<Option<Credential>, StoreError> {
    let ours = |row: &Credential| row.channel == CHANNEL && row.tenant == TenantId::default();
    Ok(store.credentials().await?.into_iter().find(ours))
}

/// Whether there may be a database to look into: none is made for that.
pub(crate) fn may_be_kept(config: &Config) -> bool {
    config.database_url.is_some() || config.data_dir.join(DATABASE_FILE).exists()
}

/// What a service would begin with, seen from beside it; nothing is changed.
///
/// # Errors
/// [`CredentialError`].
pub(crate) async fn kept(config: &Config) -> Result<Option<(KeyRing, Kept)>, CredentialError> {
    let store = store::look_into_credentials(config).await?;
    let Some(row) = read(&*store).await? else {
        return Ok(None);
    };
    let keys = KeyRing::present(config)?;
    let (kept, origin) = opened(&keys, row)?;
    // A start would begin with the configured one.
    let is_new = configured(config).is_some_and(|token| origin != Some(fingerprint(&token)));
    Ok((!is_new).then_some((keys, kept)))
}

/// What is in a row, and the fingerprint of what it goes back to.
pub(crate) fn opened(keys: &KeyRing, row: Credential) -> Result<(Kept, Option<String>), SealError> {
    let clear = keys.open(&row.tenant, row.channel, &row.sealed)?;
    let value: Value = serde_json::from_slice(&clear).map_err(|_malformed| SealError::Opened)?;
    let token = Secret::new(value.token);
    Ok((Kept { row, token }, value.origin))
}

pub(crate) fn sealed(
    keys: &KeyRing,
    version: u64,
    (token, origin): (&Secret, Option<String>),
    standing: TokenStanding,
) -> Result<Credential, SealError> {
    let tenant = TenantId::default();
    let token = token.reveal().to_owned();
    let clear = serde_json::to_vec(&Value { token, origin }).map_err(|_never| SealError::Opened)?;
    Ok(Credential {
        sealed: keys.close(&tenant, CHANNEL, &clear)?,
        tenant,
        channel: CHANNEL,
        version,
        standing,
    })
}

fn configured(config: &Config) -> Option<Secret> {
    let token = config.channels.get(CHANNEL).access_token.clone();
    token.filter(|token| !token.is_blank())
}

/// It is sealed itself: short ones could be guessed from it.
fn fingerprint(token: &Secret) -> String {
    let hash = Sha256::digest(token.reveal().as_bytes());
    hash.iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
