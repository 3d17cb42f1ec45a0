//! Renews Instagram's token while it is good, on one node of many, and follows what
//! is kept: a token that another node renewed, or that a person handed over, is used
//! within seconds. When it is due is decided in `core/credential.rs`.
//!
//! Who is about to renew says so first, in the database; of two who do, one is
//! refused. One that dies over it has others try again an hour later.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::instagram::token::{InstagramTokens, Renewed};
use fanfare_channels::secret::{Secret, Token};
use fanfare_core::credential::{Credential, TokenStanding, Tried};
use fanfare_core::delivery::Failure;
use fanfare_ledger::Store;
use jiff::Timestamp;
use tokio::sync::watch;

use super::envelope::KeyRing;
use super::{CredentialError, Kept, opened, read, sealed};
use crate::clock::Clock;

/// Between two looks at what is kept.
const INTERVAL: Duration = Duration::from_secs(2);

/// Keeps the token of this node good.
pub(crate) struct Renewal {
    store: Arc<dyn Store>,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    tokens: InstagramTokens,
    /// What the channel's client calls with.
    token: Token,
    /// Which version that is.
    version: u64,
    /// What came of a renewal, and could not be kept yet, and the token that it was
    /// renewed from: a new one is nowhere else.
    unkept: Option<(Credential, Secret)>,
    shown: watch::Sender<Option<TokenStanding>>,
}

impl Renewal {
    pub(crate) fn new(
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        keys: KeyRing,
        (token, tokens): (Token, InstagramTokens),
        kept: &Credential,
    ) -> Self {
        Self {
            store,
            keys,
            clock,
            tokens,
            token,
            version: kept.version,
            unkept: None,
            shown: watch::Sender::new(Some(kept.standing.clone())),
        }
    }

    /// How the token stands, as this node knows it.
    pub(crate) fn standing(&self) -> watch::Receiver<Option<TokenStanding>> {
        self.shown.subscribe()
    }

    /// Until it is told to stop.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut failing = false;
        while !*stopping.borrow_and_update() {
            let round = self.round().await;
            if let Some(error) = round.as_ref().err().filter(|_| !failing) {
                // Once, until it goes well again.
                tracing::warn!(
                    error = error as &dyn Error,
                    "could not look after Instagram's token; looks again"
                );
            }
            failing = round.is_err();
            if let Ok(Err(_)) = tokio::time::timeout(INTERVAL, stopping.changed()).await {
                break;
            }
        }
        if let Err(error) = self.keep_unkept().await {
            tracing::error!(
                error = &error as &dyn Error,
                "a renewed token of Instagram could not be kept: hand over a new one if the old one is refused"
            );
        }
    }

    async fn round(&mut self) -> Result<(), CredentialError> {
        self.keep_unkept().await?;
        let Some(row) = read(&*self.store).await? else {
            return Ok(());
        };
        let (kept, origin) = opened(&self.keys, row)?;
        self.follow(&kept);
        if kept.row.standing.is_due(self.clock.now()) {
            self.renew(kept, origin).await?;
        }
        Ok(())
    }

    fn follow(&mut self, kept: &Kept) {
        if kept.row.version != self.version {
            self.version = kept.row.version;
            self.token.set(kept.token.clone());
        }
        self.show(&kept.row.standing);
    }

    fn show(&self, standing: &TokenStanding) {
        self.shown.send_if_modified(|shown| {
            let news = shown.as_ref() != Some(standing);
            if news {
                *shown = Some(standing.clone());
            }
            news
        });
    }

    async fn renew(&mut self, kept: Kept, origin: Option<String>) -> Result<(), CredentialError> {
        let now = self.clock.now();
        let (mut claim, from) = (kept.row, kept.token);
        claim.version += 1;
        (claim.standing.tried_at, claim.standing.tried) = (Some(now), Tried::Begun);
        if !self.store.keep_credential(&claim).await? {
            // Another node is at it.
            return Ok(());
        }
        self.version = claim.version;
        let row = match self.tokens.renew(now).await {
            Ok(renewed) => self.renewed(claim, renewed, origin, now)?,
            Err(why) => failed(claim, why),
        };
        self.show(&row.standing);
        self.unkept = Some((row, from));
        self.keep_unkept().await
    }

    /// What was given is used at once.
    fn renewed(
        &self,
        before: Credential,
        renewed: Renewed,
        origin: Option<String>,
        now: Timestamp,
    ) -> Result<Credential, CredentialError> {
        let Renewed { token, expires_at } = renewed;
        let standing = TokenStanding {
            tried_at: Some(now),
            ..TokenStanding::new(now, expires_at)
        };
        tracing::info!(
            expires_at = expires_at.map(tracing::field::display),
            "Instagram's token was looked after"
        );
        let Some(token) = token else {
            let standing = TokenStanding {
                set_at: before.standing.set_at,
                ..standing
            };
            let version = before.version + 1;
            return Ok(Credential {
                version,
                standing,
                ..before
            });
        };
        let row = sealed(&self.keys, before.version + 1, (&token, origin), standing)?;
        self.token.set(token);
        Ok(row)
    }

    /// Until it is kept, or somebody has handed another one over. Who only sealed the
    /// old one anew, or took this node for dead and claims to renew it, is overruled.
    async fn keep_unkept(&mut self) -> Result<(), CredentialError> {
        while let Some((row, from)) = &mut self.unkept {
            if self.store.keep_credential(row).await? {
                self.version = row.version;
                break;
            }
            let Some(kept) = read(&*self.store).await? else { break };
            let (kept, _) = opened(&self.keys, kept)?;
            if kept.token.reveal() != from.reveal() {
                break;
            }
            row.version = kept.row.version + 1;
        }
        self.unkept = None;
        Ok(())
    }
}

fn failed(before: Credential, why: Failure) -> Credential {
    let tried = Tried::Failed {
        code: why.code.into_owned(),
        said: why.channel_said,
    };
    let said = tried.said().unwrap_or_default();
    if before.standing.expires_at.is_some() || tried.is_refusal() {
        tracing::warn!(code = tried.code(), said, "Instagram's token could not be renewed");
    } else {
        tracing::info!(
            said,
            "when Instagram's token lapses could not be found out; a new one must be a day old"
        );
    }
    Credential {
        version: before.version + 1,
        standing: TokenStanding {
            tried,
            ..before.standing
        },
        ..before
    }
}

#[cfg(test)]
mod tests;
