//! Credentials that change while a service runs, kept in the database and sealed
//! (`envelope.rs`): Instagram's configured token (`configured.rs`), which is renewed
//! (`renewal.rs`).
//!
//! The configured token is the beginning. What it was renewed to is kept with a
//! fingerprint of it, so that a start knows whether its configuration says something
//! new; while a node runs it follows what is kept, so that nodes with an older
//! configuration do not put an older token back.
//!
//! Deliberately absent: accounts that tenants have of their own, which are kept beside it
//! (`accounts/`), and whose tokens are renewed by the same rule (`renewal.rs`).

mod configured;
pub(crate) mod envelope;
pub(crate) mod gauges;
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
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::configured::Configured;
use self::envelope::{KeyRing, KeyRingError};
use crate::accounts::account::Part;
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

/// A token as it is kept, whoever's it is, and what is sealed with it.
pub(crate) struct Kept {
    pub(crate) row: Credential,
    pub(crate) token: Secret,
    /// All that is sealed: what a later version keeps there stays.
    fields: Map<String, Value>,
}

impl Kept {
    /// Of a row.
    ///
    /// # Errors
    /// [`SealError`].
    pub(crate) fn open(keys: &KeyRing, row: Credential) -> Result<Self, SealError> {
        let clear = keys.open(&row.tenant, row.channel, &row.sealed)?;
        let fields: Map<String, Value> = serde_json::from_slice(&clear).map_err(|_malformed| SealError::Opened)?;
        let token = fields.get(token_field(&row.tenant)).and_then(Value::as_str);
        let token = Secret::new(token.ok_or(SealError::Opened)?);
        Ok(Self { row, token, fields })
    }

    /// One that begins: as it is handed over.
    ///
    /// # Errors
    /// [`SealError`].
    pub(crate) fn seal(
        keys: &KeyRing,
        (tenant, channel): (&TenantId, Channel),
        fields: Map<String, Value>,
        (version, standing): (u64, TokenStanding),
    ) -> Result<Credential, SealError> {
        let clear = Value::Object(fields).to_string();
        Ok(Credential {
            sealed: keys.close(tenant, channel, clear.as_bytes())?,
            tenant: tenant.clone(),
            channel,
            version,
            standing,
        })
    }

    /// The same with another token in its place, which remembers what it goes back to.
    ///
    /// # Errors
    /// [`SealError`].
    pub(crate) fn renewed(
        &self,
        keys: &KeyRing,
        token: &Secret,
        standing: TokenStanding,
    ) -> Result<Credential, SealError> {
        let (tenant, mut fields) = (&self.row.tenant, self.fields.clone());
        fields.insert(token_field(tenant).to_owned(), token.reveal().into());
        fields.entry(ORIGIN).or_insert_with(|| fingerprint(&self.token).into());
        let place = (tenant, self.row.channel);
        Self::seal(keys, place, fields, (self.row.version + 1, standing))
    }

    pub(crate) fn standing(&self) -> TokenStanding {
        self.row.standing.clone()
    }

    /// Whether it goes back to this token, or is it.
    pub(crate) fn goes_back_to(&self, token: &Secret) -> bool {
        *token == self.token || self.origin() == Some(&fingerprint(token))
    }

    /// What is sealed.
    pub(crate) fn fields(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    fn origin(&self) -> Option<&str> {
        self.fields.get(ORIGIN)?.as_str()
    }
}

/// Where the token stands in what is sealed: a tenant's is a part of its account.
fn token_field(tenant: &TenantId) -> &'static str {
    if *tenant == TenantId::default() {
        "token"
    } else {
        Part::AccessToken.name()
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

/// Sealed beside the token: the fingerprint of the one that it goes back to, which was
/// configured or handed over.
const ORIGIN: &str = "origin";

/// What looks after tokens.
pub(crate) struct Running<S = Option<TokenStanding>> {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// A call's.
    deadline: Duration,
    standing: watch::Receiver<S>,
}

impl<S> Running<S> {
    /// Begins; `work` ends when it is told to.
    pub(crate) fn begin<W: Future<Output = ()> + Send + 'static>(
        work: impl FnOnce(watch::Receiver<bool>) -> W,
        deadline: Duration,
        standing: watch::Receiver<S>,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        Self {
            stop,
            task: tokio::spawn(work(stopping)),
            deadline,
            standing,
        }
    }

    /// How they stand, as this node knows it.
    pub(crate) fn standing(&self) -> watch::Receiver<S> {
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
    let renewal = Configured::new((Arc::clone(store), Arc::clone(clock)), keys, tokens, &kept.row);
    let standing = renewal.standing();
    Some(Running::begin(|stopping| renewal.run(stopping), deadline, standing))
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
            return Ok(row.map(|row| Kept::open(keys, row)).transpose()?);
        };
        let origin = fingerprint(configured);
        let before = row.map(|row| Kept::open(keys, row)).transpose()?;
        let before = match before {
            Some(kept) if kept.origin() == Some(&origin) => return Ok(Some(kept)),
            before => before.map(|kept| kept.row),
        };
        let standing = TokenStanding::new(now, None);
        let row = sealed(keys, before.as_ref(), (configured, Some(origin)), standing)?;
        if store
            .keep_credential(&row, before.as_ref().map(|row| &row.sealed))
            .await?
        {
            return Ok(Some(Kept::open(keys, row)?));
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
    let before = std::mem::replace(&mut row.sealed, sealed);
    row.version += 1;
    Ok(store.keep_credential(row, Some(&before)).await?)
}

/// Whether another can be put in the place of the one that is kept.
///
/// # Errors
/// [`CredentialError`]: another key has sealed it, and who has that would read nothing of ours.
pub(crate) async fn may_be_replaced(store: &dyn Credentials, keys: &KeyRing) -> Result<(), CredentialError> {
    if let Some(row) = read(store).await? {
        Kept::open(keys, row)?;
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
        let (before, origin) = match read(store).await? {
            Some(row) => {
                let kept = Kept::open(keys, row)?;
                let origin = kept.origin().map(str::to_owned);
                (Some(kept.row), origin)
            }
            None => (None, configured(config).as_ref().map(fingerprint)),
        };
        let row = sealed(keys, before.as_ref(), (token, origin), standing.clone())?;
        if store
            .keep_credential(&row, before.as_ref().map(|row| &row.sealed))
            .await?
        {
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
    store.credential(&TenantId::default(), CHANNEL).await
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
    let kept = Kept::open(&keys, row)?;
    // A start would begin with the configured one.
    let is_new = configured(config).is_some_and(|token| kept.origin() != Some(&fingerprint(&token)));
    Ok((!is_new).then_some((keys, kept)))
}

/// The configuration's, in the place of the one before.
fn sealed(
    keys: &KeyRing,
    before: Option<&Credential>,
    (token, origin): (&Secret, Option<String>),
    standing: TokenStanding,
) -> Result<Credential, SealError> {
    let tenant = TenantId::default();
    let token = (token_field(&tenant).to_owned(), Value::from(token.reveal()));
    let origin = origin.map(|origin| (ORIGIN.to_owned(), Value::from(origin)));
    let fields = [token].into_iter().chain(origin).collect();
    let version = before.map_or(1, |row| row.version + 1);
    Kept::seal(keys, (&tenant, CHANNEL), fields, (version, standing))
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
