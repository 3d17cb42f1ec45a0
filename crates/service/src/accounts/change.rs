//! An account is handed over, replaced or removed.
//!
//! A new token for the same account is always taken. *Another* account is not while
//! something of the tenant's is unfinished on that channel: what became of it only the
//! account knows that it was begun with, and one that knows nothing would have it sent
//! again. What begins in the very moment of the change goes on with the account that it
//! was begun with, or waits: its checkpoint bears the mark of it (`reach.rs`).

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::{Credential, TokenStanding, TokenState};
use fanfare_core::delivery::{Delivery, DeliveryStatus, Phase};
use fanfare_core::distribution::Distribution;
use fanfare_core::fault::Fault;
use fanfare_core::ids::{DistributionId, TenantId};
use fanfare_core::validate::code;
use fanfare_ledger::{Filter, Store, StoreError};
use serde_json::Value;

use super::account::{Account, Part};
use super::endpoint::endpoint;
use super::reach::{Reach, Whose, mark_of};
use super::{Accounts, Standing};
use crate::credentials::Kept;
use crate::credentials::envelope::{KeyRing, KeyRingError};
use crate::perform::Connection;
use crate::sealed::SealError;

/// Others may change it meanwhile; nobody does so often.
const TRIES: usize = 8;

/// Distributions read at once.
const PAGE: usize = 200;

/// So many that are unfinished are named.
const NAMED_MOST: usize = 10;

/// Why an account is not kept, or not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    /// The configuration's is the one of the tenant `default`.
    #[error("the account of the tenant default is the configuration's")]
    OfService,
    /// What was handed over can't be used.
    #[error("the account has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// Another account could not tell what becomes of these.
    #[error("something is unfinished that was begun with the account")]
    InUse(Channel, Vec<DistributionId>),
    /// There is no key for it.
    #[error("there is no key for credentials")]
    Keys(#[from] KeyRingError),
    /// None of the keys opens what is kept.
    #[error("the kept account does not open: set the credentials_key that sealed it")]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It changed each time that it was to be changed.
    #[error("somebody else changes the account all the time")]
    Contended,
}

impl Accounts {
    /// Keeps what a tenant hands over in the place of what it has there.
    ///
    /// # Errors
    /// [`AccountError`]; then everything is as it was.
    pub(crate) async fn keep(
        &self,
        store: &dyn Store,
        (tenant, channel): (&TenantId, Channel),
        body: &Value,
    ) -> Result<Standing, AccountError> {
        if tenant.is_default() {
            return Err(AccountError::OfService);
        }
        let account = self.read_account(body, channel).map_err(AccountError::Invalid)?;
        let keys = self.keys_or(KeyRing::configured)?;
        for _ in 0..TRIES {
            let row = self.read(tenant, channel).await?;
            if row.as_ref().is_some_and(|row| self.is_no_news(keys, row, &account)) {
                return self.changed(tenant, channel).await;
            }
            let before = match &row {
                // A row that does not open is another key's, and its nodes would read none of ours.
                Some(row) => self.own(&self.account_of(row)?, channel),
                None => Which::of(&self.without_own(tenant, channel)),
            };
            let after = self.own(&account, channel);
            may_become(store, (tenant, channel), (&before, &after)).await?;
            let follows = row.as_ref().map_or(1, |row| row.version + 1);
            let standing = TokenStanding::new(self.clock.now(), None);
            let after = Kept::seal(keys, (tenant, channel), account.to_json(), (follows, standing))?;
            if self
                .store
                .keep_credential(&after, row.as_ref().map(|row| &row.sealed))
                .await?
            {
                return self.changed(tenant, channel).await;
            }
        }
        Err(AccountError::Contended)
    }

    /// Forgets a tenant's own; the configuration's takes its place, where that may be.
    ///
    /// # Errors
    /// [`AccountError`]; then everything is as it was.
    pub(crate) async fn remove(
        &self,
        store: &dyn Store,
        (tenant, channel): (&TenantId, Channel),
    ) -> Result<Standing, AccountError> {
        if tenant.is_default() {
            return Err(AccountError::OfService);
        }
        if let Some(row) = self.read(tenant, channel).await? {
            // One whose key is lost may go.
            let before = self.own(&self.account_of(&row).unwrap_or_default(), channel);
            let after = Which::of(&self.without_own(tenant, channel));
            may_become(store, (tenant, channel), (&before, &after)).await?;
            self.store.forget_credential(tenant, channel).await?;
        }
        self.changed(tenant, channel).await
    }

    /// What a tenant hands over, whole and at an address that may be called.
    fn read_account(&self, body: &Value, channel: Channel) -> Result<Account, Vec<Fault>> {
        let config = self.config(channel);
        let account = Account::read(body, channel, config.protocol)?;
        match account
            .shown(Part::Endpoint)
            .map(|text| endpoint(&text, &config.blog_hosts))
        {
            Some(Err(why)) => Err(vec![Fault::new("/endpoint", code::URL_NOT_ALLOWED, why)]),
            Some(Ok(_)) | None => Ok(account),
        }
    }

    /// This node follows at once, the others within 5 seconds.
    async fn changed(&self, tenant: &TenantId, channel: Channel) -> Result<Standing, AccountError> {
        self.read_again(tenant, channel);
        Ok(self.standing(tenant, channel).await?)
    }

    /// Handed over again, though it was renewed since: the renewed one is good for longer.
    /// One that is refused, or has lapsed, is news whatever it is: it is tried anew.
    fn is_no_news(&self, keys: &KeyRing, row: &Credential, account: &Account) -> bool {
        let is_over = matches!(
            row.standing.state(self.clock.now()),
            TokenState::Expired | TokenState::Refused
        );
        if is_over || !self.lapses(row.channel) {
            return false;
        }
        Kept::open(keys, row.clone()).is_ok_and(|kept| {
            kept.goes_back_to(&account.token()) && Account::from_json(&kept.fields()).is_but_for_token(account)
        })
    }

    fn own(&self, account: &Account, channel: Channel) -> Which {
        Which {
            whose: Whose::Own,
            mark: account.mark(channel, self.config(channel).protocol),
        }
    }
}

/// Another account only where nothing is unfinished that was begun with the one before.
async fn may_become(
    store: &dyn Store,
    (tenant, channel): (&TenantId, Channel),
    (before, after): (&Which, &Which),
) -> Result<(), AccountError> {
    if before.is(after) {
        return Ok(());
    }
    let unfinished = unfinished(store, (tenant, channel), before).await?;
    if unfinished.is_empty() {
        return Ok(());
    }
    Err(AccountError::InUse(channel, unfinished))
}

/// Which account: whose, and its mark, where it has one.
struct Which {
    whose: Whose,
    mark: Option<String>,
}

impl Which {
    fn of(reach: &Reach) -> Self {
        let usable = matches!(reach.connection, Connection::Live(_));
        Self {
            whose: reach.whose,
            mark: reach.mark.clone().filter(|_| usable),
        }
    }

    /// What waits for its time, and has not begun, begins with whichever account is there
    /// then. What bears another's mark is nothing that this one could tell of.
    fn may_have_begun(&self, delivery: &Delivery) -> bool {
        let status = delivery.status;
        let in_doubt =
            status == DeliveryStatus::NeedsReview || matches!(delivery.phase, Phase::Intent | Phase::Unknown);
        let may_be_begun = status.moves() || in_doubt || delivery.checkpoint.is_some();
        let begun_with = delivery.checkpoint.as_ref().and_then(mark_of);
        let with_another = begun_with.is_some_and(|begun| self.mark.as_deref() != Some(begun));
        delivery.mode == Mode::Live && may_be_begun && !with_another
    }

    /// Where only a token tells, one's own stays one's own, whatever its token.
    fn is(&self, other: &Self) -> bool {
        match (&self.mark, &other.mark) {
            (Some(one), Some(other)) => one == other,
            _ => self.whose == other.whose,
        }
    }
}

/// What is not at its end, and may have been begun with this account.
async fn unfinished(
    store: &dyn Store,
    (tenant, channel): (&TenantId, Channel),
    with: &Which,
) -> Result<Vec<DistributionId>, StoreError> {
    let mut found = Vec::new();
    let open = DeliveryStatus::ALL.into_iter().filter(|status| !status.closed());
    // Once more: what waited may move by now, and was in neither list.
    let moving = DeliveryStatus::ALL.into_iter().filter(|status| status.moves());
    for status in open.chain(moving) {
        let filter = Filter {
            channel: Some(channel),
            channel_status: Some(status),
            ..Filter::default()
        };
        let mut before = None;
        loop {
            let page = store.list(tenant, &filter, before, PAGE).await?;
            let begun = |one: &&Distribution| one.delivery(channel).is_some_and(|one| with.may_have_begun(one));
            for one in page.iter().filter(begun) {
                if !found.contains(&one.id) {
                    found.push(one.id);
                }
            }
            if found.len() >= NAMED_MOST {
                found.truncate(NAMED_MOST);
                return Ok(found);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(last.id),
                _ => break,
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use fanfare_core::delivery::Checkpoint;
    use fanfare_core::ids::DeliveryId;
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn delivery(status: DeliveryStatus, checkpoint: Option<Value>) -> Delivery {
        let id = DeliveryId(Uuid::nil());
        Delivery {
            status,
            checkpoint: checkpoint.map(Checkpoint),
            ..Delivery::new(id, Channel::GenieTV, Mode::Live, Timestamp::UNIX_EPOCH)
        }
    }

    /// Else nobody could ever set the account again that something was begun with.
    #[test]
    fn what_bears_another_account_s_mark_is_not_in_the_way() {
        let present = Which {
            whose: Whose::Own,
            mark: Some("a".to_owned()),
        };
        let waits = |checkpoint| present.may_have_begun(&delivery(DeliveryStatus::Waiting, checkpoint));
        assert!(waits(Some(json!({"account": "a"}))));
        assert!(waits(Some(json!({}))), "it may be");
        assert!(!waits(Some(json!({"account": "b"}))));
        assert!(!waits(None), "it only waits for its time");
        assert!(present.may_have_begun(&delivery(DeliveryStatus::InProgress, None)));
    }
}
