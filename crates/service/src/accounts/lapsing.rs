//! Keeps the tokens of tenants' own accounts good, where they lapse (Instagram's): looks
//! from time to time how all stand, and has those that are due renewed, one after the
//! other, by the rule of `credentials/renewal.rs`.
//!
//! Deliberately absent: following what another node renewed; each call finds its account
//! as it is kept (`mod.rs`).

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_core::cause;
use fanfare_core::credential::TokenStanding;
use fanfare_core::ids::TenantId;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Accounts, unreadable};
use crate::credentials::renewal::Renewal;
use crate::credentials::{CHANNEL, CredentialError, Kept, Running, gauges};

/// Between two looks: one reads how all stand.
const INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// How soon what could not be kept is tried again, and a clock that has gone on is noticed.
const TICK: Duration = Duration::from_millis(500);

/// So many are renewed at one look, and what can't be kept is no more.
const AT_ONCE: usize = 5;

/// Where the channel asks to be called less often, nobody's is renewed for so long.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// How tenants' tokens stand, as this node knows it.
pub(crate) type Standings = Arc<[(TenantId, TokenStanding)]>;

/// Keeps them good.
struct Lapsing {
    accounts: Arc<Accounts>,
    renewal: Renewal,
    /// What can't be renewed as it is, since it does not open: not read again and again.
    hopeless: BTreeMap<TenantId, TokenStanding>,
    /// When it looked last; nothing where it should soon, as something has changed.
    looked: Option<Timestamp>,
    /// Since when nobody's is renewed.
    paused: Option<Timestamp>,
    shown: watch::Sender<Standings>,
}

/// Begins to look after them, where there may be any.
pub(crate) fn start(accounts: &Arc<Accounts>, deadline: Duration) -> Option<Running<Standings>> {
    if !accounts.lapses(CHANNEL) {
        return None;
    }
    let lapsing = Lapsing::new(Arc::clone(accounts));
    let standing = lapsing.shown.subscribe();
    Some(Running::begin(|stopping| lapsing.run(stopping), deadline, standing))
}

impl Lapsing {
    fn new(accounts: Arc<Accounts>) -> Self {
        Self {
            renewal: Renewal::new(Arc::clone(&accounts.store)),
            accounts,
            hopeless: BTreeMap::new(),
            looked: None,
            paused: None,
            shown: watch::Sender::new(Arc::from([])),
        }
    }

    /// Until it is told to stop.
    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut failing = false;
        while !*stopping.borrow_and_update() {
            if let Some(done) = self.tick(&stopping).await {
                if let Some(error) = done.as_ref().err().filter(|_| !failing) {
                    // Once, until it goes well again.
                    tracing::warn!(
                        error = error as &dyn Error,
                        "could not look after tenants' tokens of Instagram; looks again"
                    );
                }
                failing = done.is_err();
            }
            if let Ok(Err(_)) = tokio::time::timeout(TICK, stopping.changed()).await {
                break;
            }
        }
        if let Err(error) = self.keep_unkept().await {
            tracing::error!(
                error = &error as &dyn Error,
                "a renewed token of a tenant's could not be kept: it is to hand over a new one if the old one is refused"
            );
        }
    }

    /// What there is to do by now, if anything.
    async fn tick(&mut self, stopping: &watch::Receiver<bool>) -> Option<Result<(), CredentialError>> {
        let now = self.accounts.clock.now();
        let rests = |at: Timestamp| (SignedDuration::ZERO..INTERVAL).contains(&now.duration_since(at));
        if !self.looked.is_some_and(rests) {
            self.looked = Some(now);
            return Some(self.round(stopping).await);
        }
        if self.renewal.unkept() > 0 {
            return Some(self.keep_unkept().await);
        }
        None
    }

    /// One look. One tenant's trouble is not the next one's.
    async fn round(&mut self, stopping: &watch::Receiver<bool>) -> Result<(), CredentialError> {
        let mut done = self.keep_unkept().await;
        let (due, now) = (self.due().await?, self.accounts.clock.now());
        let waits = |since: Timestamp| (SignedDuration::ZERO..PAUSE).contains(&now.duration_since(since));
        self.paused = self.paused.filter(|since| waits(*since));
        let mut asked = self.renewal.unkept();
        for tenant in due {
            if asked >= AT_ONCE || self.paused.is_some() || *stopping.borrow() {
                break;
            }
            match self.renew(&tenant).await {
                Ok(was_asked) => asked += usize::from(was_asked),
                Err(error) => {
                    asked += 1;
                    done = done.and(Err(error));
                }
            }
        }
        done
    }

    /// Whose is to be renewed now: what lapses soonest first, then what was tried longest ago.
    async fn due(&mut self) -> Result<Vec<TenantId>, CredentialError> {
        let (now, mut all) = (
            self.accounts.clock.now(),
            self.accounts.store.credential_standings(CHANNEL).await?,
        );
        all.retain(|(tenant, _)| *tenant != TenantId::default());
        gauges::show(gauges::TENANTS, all.iter().map(|(_, standing)| standing), now);
        for (tenant, standing) in &all {
            if self.hopeless.get(tenant).is_some_and(|before| before != standing) {
                self.hopeless.remove(tenant);
            }
        }
        let is_due = |(tenant, standing): &&(TenantId, TokenStanding)| {
            standing.is_due(now) && !self.hopeless.contains_key(tenant)
        };
        let mut due: Vec<_> = all.iter().filter(is_due).cloned().collect();
        due.sort_by_key(|(_, standing)| (standing.expires_at.unwrap_or(Timestamp::MAX), standing.tried_at));
        self.shown.send_replace(all.into());
        Ok(due.into_iter().map(|(tenant, _)| tenant).collect())
    }

    /// Whether the channel was asked.
    async fn renew(&mut self, tenant: &TenantId) -> Result<bool, CredentialError> {
        let accounts = Arc::clone(&self.accounts);
        let (now, row) = (accounts.clock.now(), accounts.store.credential(tenant, CHANNEL).await?);
        let Some(row) = row.filter(|row| row.standing.is_due(now)) else {
            return Ok(false);
        };
        let kept = match Kept::open(accounts.keys()?, row.clone()) {
            Ok(kept) => kept,
            Err(error) => {
                unreadable(&row, &error);
                self.hopeless.insert(tenant.clone(), row.standing);
                return Ok(false);
            }
        };
        let Some(tokens) = accounts.tokens_of(&kept) else {
            return Ok(false);
        };
        let Some(came) = self.renewal.renew(kept, &tokens, now).await? else {
            return Ok(false);
        };
        if came.standing.tried.code() == Some(cause::RATE_LIMITED.code) {
            self.paused = Some(now);
        }
        self.keep_unkept().await?;
        accounts.read_again(tenant, CHANNEL);
        self.looked = None;
        Ok(true)
    }

    async fn keep_unkept(&mut self) -> Result<(), CredentialError> {
        if self.renewal.unkept() == 0 {
            return Ok(());
        }
        self.renewal.keep_unkept(self.accounts.keys()?).await
    }
}

#[cfg(test)]
mod tests;
