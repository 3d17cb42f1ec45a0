//! Renews a kept token of Instagram's while it is good, whoever's it is, on one node of
//! many, and keeps what comes of it. When it is due is decided in `core/credential.rs`;
//! who looks, and how often: `configured.rs` for the configuration's, `accounts/lapsing.rs`
//! for tenants'.
//!
//! Who is about to renew says so first, in the database; of two who do, one is
//! refused. One that dies over it has others try again an hour later. A token that
//! somebody hands over meanwhile wins, and so does who removes it.

use std::sync::Arc;

use fanfare_channels::instagram::token::{InstagramTokens, Renewed};
use fanfare_channels::secret::Secret;
use fanfare_core::credential::{Credential, TokenStanding, Tried};
use fanfare_core::delivery::Failure;
use fanfare_ledger::credentials::Credentials;
use jiff::Timestamp;

use super::envelope::KeyRing;
use super::{CredentialError, Kept};
use crate::sealed::SealError;

/// Renews, and keeps.
pub(crate) struct Renewal {
    store: Arc<dyn Credentials>,
    /// A new token is nowhere else.
    unkept: Vec<Unkept>,
}

/// What came of a renewal, and is not kept yet.
struct Unkept {
    /// What was renewed, as it is kept, as far as is known.
    before: Kept,
    came: Came,
}

/// What a try came to.
#[derive(Clone)]
pub(crate) struct Came {
    /// What is used from now on; nothing where the old one stays.
    pub(crate) token: Option<Secret>,
    /// How it stands.
    pub(crate) standing: TokenStanding,
}

impl Renewal {
    pub(crate) fn new(store: Arc<dyn Credentials>) -> Self {
        Self {
            store,
            unkept: Vec::new(),
        }
    }

    /// How much is not kept yet.
    pub(crate) fn unkept(&self) -> usize {
        self.unkept.len()
    }

    /// Renews it, where no other node is at it; what comes of it is yet to be kept.
    ///
    /// # Errors
    /// [`CredentialError`]: nobody was asked.
    pub(crate) async fn renew(
        &mut self,
        mut kept: Kept,
        tokens: &InstagramTokens,
        now: Timestamp,
    ) -> Result<Option<Came>, CredentialError> {
        let claim = &mut kept.row;
        claim.version += 1;
        (claim.standing.tried_at, claim.standing.tried) = (Some(now), Tried::Begun);
        if !self.store.keep_credential(claim, Some(&claim.sealed)).await? {
            // Another node is at it.
            return Ok(None);
        }
        let came = match tokens.renew(now).await {
            Ok(renewed) => renewed_to(&kept.row, renewed, now),
            Err(why) => failed(&kept.row, why, now),
        };
        let before = kept;
        self.unkept.push(Unkept {
            before,
            came: came.clone(),
        });
        Ok(Some(came))
    }

    /// Until all is kept, or somebody has handed another one over. Who only sealed the
    /// old one anew, or took this node for dead and claims to renew it, is overruled.
    ///
    /// # Errors
    /// The first [`CredentialError`]; that one is tried again the next time, and the others are kept.
    pub(crate) async fn keep_unkept(&mut self, keys: &KeyRing) -> Result<(), CredentialError> {
        let (mut at, mut first) = (0, Ok(()));
        while let Some(unkept) = self.unkept.get_mut(at) {
            match unkept.keep(&*self.store, keys).await {
                Ok(()) => _ = self.unkept.remove(at),
                Err(error) => {
                    at += 1;
                    first = first.and(Err(error));
                }
            }
        }
        first
    }
}

impl Unkept {
    async fn keep(&mut self, store: &dyn Credentials, keys: &KeyRing) -> Result<(), CredentialError> {
        loop {
            let (before, row) = (&self.before.row, self.came.over(keys, &self.before)?);
            if store.keep_credential(&row, Some(&before.sealed)).await? {
                return Ok(());
            }
            let Some(row) = store.credential(&before.tenant, before.channel).await? else {
                return Ok(());
            };
            let kept = Kept::open(keys, row)?;
            if kept.token != self.before.token {
                return Ok(());
            }
            self.before = kept;
        }
    }
}

impl Came {
    /// The row that follows this one: what else it holds stays.
    fn over(&self, keys: &KeyRing, before: &Kept) -> Result<Credential, SealError> {
        if let Some(token) = &self.token {
            return before.renewed(keys, token, self.standing.clone());
        }
        Ok(Credential {
            version: before.row.version + 1,
            standing: TokenStanding {
                set_at: before.row.standing.set_at,
                ..self.standing.clone()
            },
            ..before.row.clone()
        })
    }
}

fn renewed_to(claim: &Credential, renewed: Renewed, now: Timestamp) -> Came {
    let Renewed { token, expires_at } = renewed;
    tracing::info!(
        tenant = claim.tenant.as_str(),
        expires_at = expires_at.map(tracing::field::display),
        "Instagram's token was looked after"
    );
    Came {
        token,
        standing: TokenStanding {
            tried_at: Some(now),
            ..TokenStanding::new(now, expires_at)
        },
    }
}

fn failed(claim: &Credential, why: Failure, now: Timestamp) -> Came {
    let tried = Tried::Failed {
        code: why.code.into_owned(),
        said: why.channel_said,
    };
    let (tenant, said) = (claim.tenant.as_str(), tried.said().unwrap_or_default());
    if claim.standing.expires_at.is_some() || tried.is_refusal() {
        tracing::warn!(
            tenant,
            code = tried.code(),
            said,
            "Instagram's token could not be renewed"
        );
    } else {
        tracing::info!(
            tenant,
            said,
            "when Instagram's token lapses could not be found out; a new one must be a day old"
        );
    }
    Came {
        token: None,
        standing: claim.standing.clone().after(tried, now),
    }
}

#[cfg(test)]
pub(crate) mod tests;
