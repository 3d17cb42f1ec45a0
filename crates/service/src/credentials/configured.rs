//! Keeps this node's configured token of Instagram's good: looks often at what is kept,
//! follows it, and has it renewed when it is due (`renewal.rs`). A token that another node
//! renewed, or that a person handed over, is used within seconds.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::instagram::token::InstagramTokens;
use fanfare_channels::secret::Token;
use fanfare_core::credential::{Credential, TokenStanding};
use fanfare_ledger::Store;
use tokio::sync::watch;

use super::envelope::KeyRing;
use super::renewal::Renewal;
use super::{CredentialError, Kept, gauges, read};
use crate::clock::Clock;

/// Between two looks at what is kept.
const INTERVAL: Duration = Duration::from_secs(2);

/// Keeps the token of this node good.
pub(super) struct Configured {
    store: Arc<dyn Store>,
    pub(super) renewal: Renewal,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    tokens: InstagramTokens,
    /// What the channel's client calls with.
    pub(super) token: Token,
    /// Which version that is.
    version: u64,
    shown: watch::Sender<Option<TokenStanding>>,
}

impl Configured {
    pub(super) fn new(
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        keys: KeyRing,
        (token, tokens): (Token, InstagramTokens),
        kept: &Credential,
    ) -> Self {
        Self {
            renewal: Renewal::new(Arc::clone(&store) as _),
            store,
            keys,
            clock,
            tokens,
            token,
            version: kept.version,
            shown: watch::Sender::new(Some(kept.standing.clone())),
        }
    }

    /// How the token stands, as this node knows it.
    pub(super) fn standing(&self) -> watch::Receiver<Option<TokenStanding>> {
        self.shown.subscribe()
    }

    /// Until it is told to stop.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
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
        if let Err(error) = self.renewal.keep_unkept(&self.keys).await {
            tracing::error!(
                error = &error as &dyn Error,
                "a renewed token of Instagram could not be kept: hand over a new one if the old one is refused"
            );
        }
    }

    pub(super) async fn round(&mut self) -> Result<(), CredentialError> {
        self.renewal.keep_unkept(&self.keys).await?;
        let Some(row) = read(&*self.store).await? else {
            return Ok(());
        };
        let (kept, now) = (Kept::open(&self.keys, row)?, self.clock.now());
        self.follow(&kept);
        gauges::show(gauges::CONFIGURED, [&kept.row.standing], now);
        if kept.row.standing.is_due(now)
            && let Some(came) = self.renewal.renew(kept, &self.tokens, now).await?
        {
            // Used at once, also where it can't be kept yet.
            if let Some(token) = came.token {
                self.token.set(token);
            }
            self.show(&came.standing);
            self.renewal.keep_unkept(&self.keys).await?;
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
}
