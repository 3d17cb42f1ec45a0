//! Accounts that tenants have of their own on channels: handed over through the API, kept
//! sealed in the database (`credentials/envelope.rs`), and found for each call. Who has
//! none uses the configuration's, unless the channel is told not to (`require_own_account`).
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | found, kept for a few seconds, shown |
//! | `change.rs` | handed over, replaced, removed: what may be, and when |
//! | `account.rs` | what an account consists of |
//! | `endpoint.rs` | where a tenant's own blog may be |
//! | `reach.rs` | whom a call is made as |
//! | `lapsing.rs` | tokens that lapse: renewed in time |
//!
//! What was read is believed for 4.5 s, that there is none, too; so every node
//! follows a change within 5 seconds, and most calls read nothing. Where the database
//! can't be read, nothing is sent: never with another account.
//!
//! Deliberately absent: the account of the tenant `default`, which is the configuration's.

pub(crate) mod account;
mod change;
pub(crate) mod endpoint;
pub(crate) mod lapsing;
pub(crate) mod reach;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fanfare_channels::instagram::token::InstagramTokens;
use fanfare_core::attempt::Protocol;
use fanfare_core::cause;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::{Credential, TokenStanding};
use fanfare_core::delivery::{Delivery, Failure};
use fanfare_core::ids::TenantId;
use fanfare_core::text::Text;
use fanfare_core::validate::kakao_channel::Frame;
use fanfare_ledger::StoreError;
use fanfare_ledger::credentials::Credentials;
use moka::sync::Cache;
use serde_json::Value;
use tokio::time::Instant;

use self::account::{Account, Part};
use self::reach::{Reach, Whose};
use crate::clients::{self, Clients, Connected};
use crate::clock::Clock;
use crate::config::{ChannelConfig, Config};
use crate::credentials::envelope::{KeyRing, KeyRingError};
use crate::credentials::{self, Kept};
use crate::perform::Connection;
use crate::sealed::SealError;

pub(crate) use self::change::AccountError;

/// How long it is believed what was read: a change is followed within 5 seconds.
const KNOWN_FOR: Duration = Duration::from_millis(4_500);

/// A read that takes longer has failed.
pub(crate) const READ_WITHIN: Duration = Duration::from_secs(3);

/// Accounts remembered at once, and how long without being asked for.
const MOST: u64 = 10_000;
const IDLE: Duration = Duration::from_mins(10);

/// The accounts of all tenants.
pub struct Accounts {
    store: Arc<dyn Credentials>,
    config: Config,
    clock: Arc<dyn Clock>,
    /// What clients are made from; nothing where no channel is live.
    clients: Option<Box<Clients>>,
    /// The configuration's, by [`Channel::index`].
    shared: [Connection; Channel::ALL.len()],
    /// The marks of those accounts: what each call asks for is not made each time.
    shared_marks: [Option<String>; Channel::ALL.len()],
    keys: OnceLock<KeyRing>,
    known: Cache<(TenantId, Channel), Arc<Known>>,
}

/// What was read.
#[derive(Clone)]
struct Known {
    row: Option<Credential>,
    own: Option<Own>,
    /// What was there before it changed: what this node has just begun with that goes on
    /// with it. Kept in memory alone.
    former: Option<Own>,
    until: Instant,
}

/// A tenant's own.
#[derive(Clone)]
struct Own {
    reach: Reach,
    account: Account,
    standing: TokenStanding,
}

/// How a tenant's account on a channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `own`, `shared`, or `none`.
    pub(crate) whose: &'static str,
    /// What it consists of, by the API's names, but for its token; of one's own only.
    pub(crate) ids: Vec<(&'static str, String)>,
    /// How its token stands; of one's own only.
    pub(crate) token: Option<TokenStanding>,
    /// Whether that lapses, and is renewed.
    pub(crate) lapses: bool,
}

impl Accounts {
    /// Beside the clients of the configuration.
    pub(crate) fn new(
        store: Arc<dyn Credentials>,
        config: &Config,
        clock: Arc<dyn Clock>,
        connected: Connected,
    ) -> Self {
        let mark = |channel| {
            let config = config.channels.get(channel);
            Account::of_config(config).mark(channel, config.protocol)
        };
        Self {
            store,
            shared_marks: Channel::ALL.map(mark),
            config: config.clone(),
            clock,
            clients: connected.clients,
            shared: connected.connections,
            keys: OnceLock::new(),
            known: Cache::builder().max_capacity(MOST).time_to_idle(IDLE).build(),
        }
    }

    /// The configuration's, by [`Channel::index`].
    pub(crate) fn shared_connections(&self) -> &[Connection; Channel::ALL.len()] {
        &self.shared
    }

    /// How each channel's protocol behaves, by [`Channel::index`].
    pub(crate) fn protocols(&self) -> [Protocol; Channel::ALL.len()] {
        Channel::ALL.map(|channel| clients::protocol(channel, self.config(channel), &self.shared[channel.index()]))
    }

    /// Whom this tenant's calls to a channel are made as.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not known, and nobody is called.
    pub(crate) async fn reach(&self, tenant: &TenantId, channel: Channel) -> Result<Reach, StoreError> {
        if !tenant.is_default()
            && self.config(channel).mode == Mode::Live
            && let Some(own) = &self.known(tenant, channel).await?.own
        {
            return Ok(own.reach.clone());
        }
        Ok(self.without_own(tenant, channel))
    }

    /// The same for a delivery that may have been begun: with whom it was, as long as they
    /// are known here, or as the configuration's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn reach_for(&self, tenant: &TenantId, delivery: &Delivery) -> Result<Reach, StoreError> {
        let channel = delivery.channel;
        let reach = self.reach(tenant, channel).await?;
        let is_called = delivery.checkpoint.is_none() || reach.connection.client().is_ok();
        if reach.is_begun_with(delivery) && is_called {
            return Ok(reach);
        }
        let known = self.known.get(&(tenant.clone(), channel));
        let former = known.and_then(|known| Some(known.former.as_ref()?.reach.clone()));
        // What was begun with the configuration's goes on with it, whatever is required now.
        let earlier = former.into_iter().chain([self.configured(channel)]);
        let begun_with = |earlier: &Reach| earlier.is_begun_with(delivery) && earlier.connection.client().is_ok();
        Ok(earlier.into_iter().find(begun_with).unwrap_or(reach))
    }

    /// How it stands, for whose it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn standing(&self, tenant: &TenantId, channel: Channel) -> Result<Standing, StoreError> {
        if !tenant.is_default()
            && let Some(own) = &self.known(tenant, channel).await?.own
        {
            let rules = account::own_rules(channel, self.config(channel).protocol).iter();
            let shown = rules.filter_map(|rule| Some((rule.part.name(), own.account.shown(rule.part)?)));
            return Ok(Standing {
                whose: "own",
                ids: shown.collect(),
                token: Some(own.standing.clone()),
                lapses: self.lapses(channel),
            });
        }
        let whose = match self.without_own(tenant, channel).connection {
            Connection::Live(_) => "shared",
            Connection::Mock | Connection::Unusable(_) => "none",
        };
        Ok(Standing {
            whose,
            ids: Vec::new(),
            token: None,
            lapses: false,
        })
    }

    /// What is put around a tenant's messages on Kakao Channel.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn kakao_frame(&self, tenant: &TenantId) -> Result<Option<Frame>, StoreError> {
        let (channel, config) = (Channel::KakaoChannel, &self.config.channels.kakao_channel);
        if !tenant.is_default()
            && config.mode == Mode::Live
            && let Some(own) = &self.known(tenant, channel).await?.own
        {
            return Ok(clients::kakao_frame(config, &own.account));
        }
        Ok(clients::kakao_frame(config, &Account::of_config(config)))
    }

    /// The only blog on which a person may put a tenant's posts, where one is named.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn blog(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        let channel = Channel::NaverBlog;
        if !tenant.is_default()
            && let Some(own) = &self.known(tenant, channel).await?.own
        {
            return Ok(own.account.shown(Part::AccountId));
        }
        Ok(Account::of_config(self.config(channel)).shown(Part::AccountId))
    }

    /// Has what is sealed by another key than the first sealed by the first: one that is
    /// put before the others takes over at the next start.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn seal_anew(&self) -> Result<(), StoreError> {
        let rows = self.store.credentials().await?;
        for mut row in rows.into_iter().filter(|row| row.tenant != TenantId::default()) {
            let Ok(keys) = self.keys() else { break };
            match keys.rotate(&row.tenant, row.channel, &row.sealed) {
                Ok(None) => {}
                Ok(Some(sealed)) => {
                    let before = std::mem::replace(&mut row.sealed, sealed);
                    row.version += 1;
                    // Where somebody else was first, they have sealed it.
                    self.store.keep_credential(&row, Some(&before)).await?;
                }
                Err(error) => unreadable(&row, &error),
            }
        }
        Ok(())
    }

    /// Whether every tenant's account lies elsewhere than the configured one.
    pub(crate) fn are_apart(&self, channel: Channel) -> bool {
        self.config(channel).accounts_apart()
    }

    /// Whether an account lies elsewhere than the configured one.
    pub(crate) fn lies_elsewhere(&self, whose: Whose, channel: Channel) -> bool {
        whose == Whose::Own && self.config(channel).own_lies_elsewhere()
    }

    fn config(&self, channel: Channel) -> &ChannelConfig {
        self.config.channels.get(channel)
    }

    /// Whom a tenant without an account of its own is.
    fn without_own(&self, tenant: &TenantId, channel: Channel) -> Reach {
        let config = self.config(channel);
        let configured = self.configured(channel);
        if config.mode == Mode::Live && config.require_own_account && *tenant != TenantId::default() {
            let connection = Connection::Unusable(no_own(channel));
            return Reach {
                connection,
                ..configured
            };
        }
        configured
    }

    /// The configuration's.
    fn configured(&self, channel: Channel) -> Reach {
        Reach {
            whose: Whose::Shared,
            connection: self.shared[channel.index()].clone(),
            mark: self.shared_marks[channel.index()].clone(),
        }
    }

    /// From memory, or as it is in the database. A client is kept as long as its row is
    /// the same: it has learnt how long the channel takes.
    async fn known(&self, tenant: &TenantId, channel: Channel) -> Result<Arc<Known>, StoreError> {
        let (place, begun) = ((tenant.clone(), channel), Instant::now());
        let before = self.known.get(&place);
        if let Some(known) = before.as_ref().filter(|known| begun < known.until) {
            return Ok(Arc::clone(known));
        }
        let row = self.read(tenant, channel).await?;
        let until = begun + KNOWN_FOR;
        let known = match before {
            Some(before) if before.row == row => Known {
                until,
                ..Known::clone(&before)
            },
            before => self.changed_to(row, before.as_deref(), until),
        };
        let known = Arc::new(known);
        self.known.insert(place, Arc::clone(&known));
        Ok(known)
    }

    /// A try to renew the token leaves what is sealed, and the client, as they were; and a
    /// renewed token is one of the same account, which is no former one then.
    fn changed_to(&self, row: Option<Credential>, before: Option<&Known>, until: Instant) -> Known {
        let before_own = before.and_then(|before| before.own.as_ref());
        let sealed = before.and_then(|before| Some(&before.row.as_ref()?.sealed.value));
        let own = row.as_ref().map(|row| match before_own {
            Some(own) if sealed == Some(&row.sealed.value) => Own {
                standing: row.standing.clone(),
                ..own.clone()
            },
            _ => self.opened(row),
        });
        let mark = |own: Option<&Own>| own.and_then(|own| own.reach.mark.clone());
        let is_same = mark(before_own).is_some_and(|before| mark(own.as_ref()) == Some(before));
        Known {
            own,
            former: before_own
                .filter(|_| !is_same)
                .or_else(|| before?.former.as_ref())
                .cloned(),
            row,
            until,
        }
    }

    /// What renews a token that is kept; nothing where no channel is live.
    fn tokens_of(&self, kept: &Kept) -> Option<InstagramTokens> {
        let account = Account::from_json(&kept.fields());
        self.clients.as_ref()?.own_tokens(&account).ok()
    }

    /// Whether tokens lapse there.
    fn lapses(&self, channel: Channel) -> bool {
        channel == credentials::CHANNEL && credentials::are_used(&self.config)
    }

    /// It is read anew for the next call from here.
    fn read_again(&self, tenant: &TenantId, channel: Channel) {
        let place = (tenant.clone(), channel);
        if let Some(known) = self.known.get(&place) {
            let read_again = Known {
                until: Instant::now(),
                ..Known::clone(&known)
            };
            self.known.insert(place, Arc::new(read_again));
        }
    }

    async fn read(&self, tenant: &TenantId, channel: Channel) -> Result<Option<Credential>, StoreError> {
        let read = tokio::time::timeout(READ_WITHIN, self.store.credential(tenant, channel));
        read.await.unwrap_or_else(|late| {
            Err(StoreError::Database {
                doing: "read an account",
                source: late.into(),
            })
        })
    }

    /// One that does not open, or lacks something, is the tenant's all the same: nothing
    /// is sent with another.
    fn opened(&self, row: &Credential) -> Own {
        let channel = row.channel;
        let (account, connection) = match self.account_of(row) {
            Ok(account) => {
                let made = self.clients.as_ref().map(|clients| clients.own(channel, &account));
                let made = made.map(|made| made.map_or_else(Connection::Unusable, Connection::Live));
                (account, made.unwrap_or(Connection::Mock))
            }
            Err(error) => {
                unreadable(row, &error);
                (Account::default(), Connection::Unusable(does_not_open(channel)))
            }
        };
        Own {
            reach: Reach {
                whose: Whose::Own,
                connection,
                mark: account.mark(channel, self.config(channel).protocol),
            },
            account,
            standing: row.standing.clone(),
        }
    }

    fn account_of(&self, row: &Credential) -> Result<Account, AccountError> {
        let clear = self.keys()?.open(&row.tenant, row.channel, &row.sealed)?;
        let value: Value = serde_json::from_slice(&clear).map_err(|_malformed| SealError::Opened)?;
        Ok(Account::from_json(&value))
    }

    /// None is made for reading.
    fn keys(&self) -> Result<&KeyRing, KeyRingError> {
        self.keys_or(KeyRing::present)
    }

    fn keys_or(&self, find: fn(&Config) -> Result<KeyRing, KeyRingError>) -> Result<&KeyRing, KeyRingError> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys);
        }
        let keys = find(&self.config)?;
        Ok(self.keys.get_or_init(|| keys))
    }
}

fn unreadable(row: &Credential, error: &(dyn Error + 'static)) {
    let (tenant, channel) = (row.tenant.as_str(), row.channel);
    tracing::error!(error, tenant, channel = %channel, "the account of a tenant's own does not open");
}

/// The configuration's is not used.
fn no_own(channel: Channel) -> Failure {
    let korean = channel.korean_name();
    let detail = Text::new(
        format!(
            "This shop has no account of its own on {channel}, and nothing is sent there with another. Hand its account \
             over (PUT /api/channels/{channel}/account), then retry."
        ),
        format!(
            "{korean}에 이 가게의 계정이 등록되어 있지 않으며, 다른 계정으로는 보내지 않습니다. 가게의 채널 계정을 등록한 뒤(PUT \
             /api/channels/{channel}/account) 다시 시도해 주세요."
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}

fn does_not_open(channel: Channel) -> Failure {
    let korean = channel.korean_name();
    let detail = Text::new(
        format!(
            "The account of this shop's own on {channel} can't be opened: the operator must set the credentials_key \
             (FANFARE_CREDENTIALS_KEY) that sealed it. Nothing is sent with another account."
        ),
        format!(
            "{korean}에 등록된 이 가게의 계정을 열 수 없습니다. 운영자가 계정을 등록할 때의 credentials_key(FANFARE_CREDENTIALS_KEY)를 설정해야 \
             합니다. 다른 계정으로는 보내지 않습니다."
        ),
    );
    cause::CHANNEL_NOT_CONFIGURED.because(detail)
}

#[cfg(test)]
mod tests;
