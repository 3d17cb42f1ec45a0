//! `fanfare channels token`: hands a new token over to the services that run, which
//! use it within seconds. It is read from the standard input and shown nowhere, and
//! kept sealed in the configured database.

use std::io::Read;

use anyhow::Context;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Channel;
use fanfare_core::credential::TokenStanding;
use jiff::Timestamp;
use serde_json::json;

use super::failure::Failure;
use super::screen::Screen;
use super::{Common, config};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::credentials::{self, envelope::KeyRing};
use crate::{clients, store};

/// The app's secret, for an exchange; no setting of the service's.
pub(crate) const APP_SECRET: &str = "FANFARE_INSTAGRAM_APP_SECRET";

/// Longest token that is read.
const INPUT_MAX: u64 = 8_192;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose: Instagram's is the only one that lapses
    #[arg(value_parser = instagram)]
    channel: Channel,
    /// Exchange the short-lived token of a log-in for one of 60 days first; the app's secret is read from
    /// `FANFARE_INSTAGRAM_APP_SECRET`
    #[arg(long)]
    exchange: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let config = config::load(common)?;
    if !credentials::are_used(&config) {
        return Err(Failure::Usage(format!(
            "{} is not live by its own protocol in this configuration: there is no token that lapses",
            args.channel
        )));
    }
    let given = read()?;
    // First, whether it can be kept: an exchange spends the token of the log-in.
    let keys =
        KeyRing::configured(&config).map_err(|error| Failure::Usage(format!("{:#}", anyhow::Error::from(error))))?;
    let store = store::open_credentials(&config).await.map_err(anyhow::Error::from)?;
    let replaced = credentials::may_be_replaced(&*store, &keys).await;
    replaced.map_err(anyhow::Error::from)?;
    let now = SystemClock::default().now();
    let (token, expires_at) = if args.exchange {
        exchange(&config, given, now).await?
    } else {
        (given, None)
    };
    let standing = TokenStanding::new(now, expires_at);
    let kept = credentials::set(&config, &*store, &keys, &token, &standing).await;
    kept.map_err(anyhow::Error::from)?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!(
            "{:#}",
            json!({"channel": args.channel, "tokenExpiresAt": expires_at})
        ));
    }
    let lapses = expires_at.map(|at| format!(" It lapses at {at}.")).unwrap_or_default();
    screen.say(format_args!(
        "Kept, sealed.{lapses} Services that run use it within seconds (one that began without a token, at its next \
         start); `fanfare channels check {}` tries it.",
        args.channel
    ))
}

async fn exchange(config: &Config, short: Secret, now: Timestamp) -> Result<(Secret, Option<Timestamp>), Failure> {
    let app_secret = std::env::var(APP_SECRET).ok().map(Secret::new);
    let Some(app_secret) = app_secret.filter(|secret| !secret.is_blank()) else {
        return Err(Failure::Usage(format!(
            "{APP_SECRET} is missing: the secret of your app at Meta"
        )));
    };
    let tokens = clients::instagram_tokens(config, short)?;
    let exchanged = tokens.exchange(&app_secret, now).await.map_err(|why| {
        let said = why.channel_said.map(|said| format!(" The channel said: {said}"));
        anyhow::anyhow!("{}: {}{}", why.code, why.detail.en, said.unwrap_or_default())
    })?;
    let token = exchanged.token.context("the exchange gave no token")?;
    Ok((token, exchanged.expires_at))
}

fn read() -> Result<Secret, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_MAX)
        .read_to_string(&mut text)
        .context("the token can't be read")?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let right = "the token is read from the standard input, alone: `fanfare channels token Instagram < FILE`";
        return Err(Failure::Usage(right.to_owned()));
    }
    Ok(Secret::new(token))
}

fn instagram(text: &str) -> Result<Channel, String> {
    let named = Channel::from_name(text).filter(|channel| *channel == credentials::CHANNEL);
    named.ok_or_else(|| "Instagram's token is the only one that lapses".to_owned())
}
