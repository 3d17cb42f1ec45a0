//! `fanfare channels check`: tries each live channel's credentials, without posting.
//!
//! It works by the configuration, beside the service or before one runs, and calls
//! the channels itself: what a service would be told is told here.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use comfy_table::Cell;
use fanfare_channels::check::{Checked, Credentials as Tried, Tls};
use fanfare_core::cause::Cause;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::TokenStanding;
use fanfare_core::delivery::Failure as Why;
use fanfare_core::ids::TenantId;
use fanfare_core::notice::words::actor_text;
use fanfare_ledger::MemoryStore;
use fanfare_ledger::credentials::Credentials;
use serde_json::{Value, json};

use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::{Common, config, results};
use crate::accounts::Accounts;
use crate::accounts::reach::{Reach, Whose};
use crate::clients;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::perform::Connection;
use crate::{credentials, store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these, such as Instagram; all where none is named
    #[arg(value_parser = named)]
    channels: Vec<Channel>,
    /// Try what this tenant's requests are sent with: its own account, where it has one
    #[arg(long)]
    tenant: Option<String>,
    /// Seconds that a channel has, all its calls together
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600), value_name = "SECONDS")]
    timeout: u64,
}

/// What came of one channel.
enum Outcome {
    /// Nobody is called: its results are made up.
    Mock,
    /// It is set to live, and something is missing for that.
    NotConfigured(Why),
    /// It took longer than was allowed.
    Late,
    Checked(Box<Checked>),
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let config = config::load(common)?;
    let (config, standing) = with_kept(config).await;
    let chosen = |channel: &Channel| args.channels.is_empty() || args.channels.contains(channel);
    let chosen: Vec<_> = Channel::ALL.into_iter().filter(chosen).collect();
    let tenant = args.tenant.as_deref().map(TenantId::new).unwrap_or_default();
    let mut outcomes = Box::pin(outcomes(&config, &chosen, &tenant, Duration::from_secs(args.timeout))).await?;
    for (channel, whose, outcome) in &mut outcomes {
        if let (Outcome::Checked(checked), credentials::CHANNEL, Whose::Shared) = (outcome, *channel, *whose) {
            checked.token_expires_at = checked
                .token_expires_at
                .or(standing.as_ref().and_then(|one| one.expires_at));
        }
    }
    let screen = Screen::stdout();
    let bad = outcomes.iter().filter(|(.., outcome)| !outcome.is_good()).count();
    if common.json {
        let channels: Vec<_> = outcomes
            .iter()
            .map(|(channel, whose, outcome)| {
                let mut view = view(*channel, outcome);
                if args.tenant.is_some() {
                    view["ownAccount"] = (*whose == Whose::Own).into();
                }
                view
            })
            .collect();
        screen.say(format_args!("{:#}", json!({"channels": channels, "bad": bad})))?;
    } else {
        let mut table = screen.table();
        table.set_header(["Channel", "Outcome", "Found"].map(results::heading));
        for (channel, whose, outcome) in &outcomes {
            let own = match whose {
                Whose::Own => "\nits own account",
                Whose::Shared => "",
            };
            table.add_row([
                Cell::new(format!("{}\n{channel}{own}", channel.korean_name())),
                results::toned(outcome.word(), outcome.tone()),
                Cell::new(found(outcome).join("\n")),
            ]);
        }
        screen.say(table)?;
    }
    if bad > 0 { Err(Failure::NotDone) } else { Ok(()) }
}

/// With the token that services use, where one is kept in the database. What keeps it
/// from being read is said, and the configured one tried.
async fn with_kept(config: Config) -> (Config, Option<TokenStanding>) {
    if !credentials::are_used(&config) || !credentials::may_be_kept(&config) {
        return (config, None);
    }
    match credentials::kept(&config).await {
        Ok(Some(kept)) => {
            let standing = kept.1.standing();
            (
                credentials::with_kept(&config, Some(&kept)).into_owned(),
                Some(standing),
            )
        }
        Ok(None) => (config, None),
        Err(error) => {
            let error = anyhow::Error::from(error);
            // Nobody left to tell where stderr is closed.
            _ = writeln!(
                std::io::stderr(),
                "fanfare: the token that is kept can't be read ({error:#}); the configured one is tried"
            );
            (config, None)
        }
    }
}

/// All at once: each has a time of its own.
async fn outcomes(
    config: &Config,
    channels: &[Channel],
    tenant: &TenantId,
    timeout: Duration,
) -> Result<Vec<(Channel, Whose, Outcome)>, Failure> {
    let mut chosen = config.clone();
    for channel in Channel::ALL.into_iter().filter(|channel| !channels.contains(channel)) {
        chosen.channels.get_mut(channel).mode = Mode::Mock;
    }
    let reaches = reaches(&chosen, channels, tenant).await?;
    let now = SystemClock::default().now();
    let checks = reaches.into_iter().map(|(channel, reach)| async move {
        let outcome = match reach.connection {
            Connection::Mock => Outcome::Mock,
            Connection::Unusable(why) => Outcome::NotConfigured(why),
            Connection::Live(client) => tokio::time::timeout(timeout, client.check(now))
                .await
                .map_or(Outcome::Late, |checked| Outcome::Checked(Box::new(checked))),
        };
        (channel, reach.whose, outcome)
    });
    Ok(futures_util::future::join_all(checks).await)
}

/// Whom a tenant's requests are sent as. What a tenant has of its own is read from the
/// database, where there may be one; what can't be read is no reason to try another's.
async fn reaches(config: &Config, channels: &[Channel], tenant: &TenantId) -> Result<Vec<(Channel, Reach)>, Failure> {
    let connected = clients::connect(config, config.listen).context("no channel can be called")?;
    let store: Arc<dyn Credentials> = if *tenant != TenantId::default() && credentials::may_be_kept(config) {
        let looked = store::look_into_credentials(config).await;
        looked.context("the accounts that are kept can't be read")?
    } else {
        Arc::new(MemoryStore::new())
    };
    let accounts = Accounts::new(store, config, Arc::new(SystemClock::default()), connected);
    let mut reaches = Vec::with_capacity(channels.len());
    for channel in channels {
        let reach = accounts.reach(tenant, *channel).await;
        reaches.push((*channel, reach.context("the accounts that are kept can't be read")?));
    }
    Ok(reaches)
}

impl Outcome {
    fn is_good(&self) -> bool {
        match self {
            Self::Mock => true,
            Self::Checked(checked) => checked.is_good(),
            Self::NotConfigured(_) | Self::Late => false,
        }
    }

    /// A stable word.
    fn word(&self) -> &'static str {
        let checked = match self {
            Self::Mock => return "mock",
            Self::NotConfigured(_) => return "not_configured",
            Self::Late => return "unreachable",
            Self::Checked(checked) => checked,
        };
        match &checked.credentials {
            _ if !checked.reached => "unreachable",
            Tried::Accepted => "accepted",
            Tried::NotNeeded => "by_hand",
            Tried::Refused(_) => "refused",
            Tried::Unknown(_) => "unclear",
        }
    }

    fn tone(&self) -> Tone {
        match self {
            Self::Mock => Tone::Mind,
            outcome if outcome.is_good() => Tone::Good,
            _ => Tone::Bad,
        }
    }

    fn why(&self) -> Option<&Why> {
        match self {
            Self::NotConfigured(why) => Some(why),
            Self::Checked(checked) => checked.failure(),
            Self::Mock | Self::Late => None,
        }
    }
}

/// What people read, one thing a line.
fn found(outcome: &Outcome) -> Vec<String> {
    let mut lines = match outcome {
        Outcome::Mock => vec!["mock: nobody is called, and nothing was tried".to_owned()],
        Outcome::Late => vec!["no answer in time (--timeout)".to_owned()],
        Outcome::NotConfigured(_) => Vec::new(),
        Outcome::Checked(checked) => facts(checked),
    };
    if let Some(why) = outcome.why() {
        let actor = Cause::of(&why.code).map(|cause| actor_text(cause.actor).en);
        lines.push(format!("{}: {}", why.code, why.detail.en));
        lines.extend(
            why.channel_said
                .as_ref()
                .map(|said| format!("the channel said: {said}")),
        );
        lines.extend(actor.map(|actor| format!("who must act: {actor}")));
    }
    lines
}

fn facts(checked: &Checked) -> Vec<String> {
    let tls = match checked.tls {
        Tls::Good => "TLS good",
        Tls::Refused => "TLS refused",
        Tls::Plain => "no TLS",
        Tls::Unknown => "TLS not reached",
    };
    let reached = if checked.reached { "answers" } else { "does not answer" };
    let mut lines = vec![format!("{} {reached}, {tls}", checked.address)];
    if let Some(account) = &checked.account {
        let name = account
            .name
            .as_deref()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        lines.push(format!("account {}{name}", account.id));
    }
    if let Some(quota) = &checked.quota {
        let total = quota.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let hours = quota.period_s.map(|seconds| format!(" in {} hours", seconds / 3_600));
        lines.push(format!("posted {}{total}{}", quota.used, hours.unwrap_or_default()));
    }
    if let Some(at) = checked.token_expires_at {
        lines.push(format!("the token lapses at {at}"));
    }
    lines.extend(checked.untried.as_ref().map(|untried| untried.en.clone()));
    lines
}

fn view(channel: Channel, outcome: &Outcome) -> Value {
    let mode = if matches!(outcome, Outcome::Mock) {
        Mode::Mock
    } else {
        Mode::Live
    };
    let mut view = json!({"channel": channel, "mode": mode, "outcome": outcome.word(), "good": outcome.is_good()});
    if let Outcome::Checked(checked) = outcome {
        view["address"] = checked.address.as_str().into();
        view["reached"] = checked.reached.into();
        view["tls"] = match checked.tls {
            Tls::Good => "good",
            Tls::Refused => "refused",
            Tls::Plain => "plain",
            Tls::Unknown => "unknown",
        }
        .into();
        if let Some(account) = &checked.account {
            view["account"] = json!({"id": account.id, "name": account.name});
        }
        if let Some(quota) = &checked.quota {
            view["quota"] = json!({
                "used": quota.used, "total": quota.total, "left": quota.left(), "periodSeconds": quota.period_s,
            });
        }
        if let Some(at) = checked.token_expires_at {
            view["tokenExpiresAt"] = json!(at);
        }
        if let Some(untried) = &checked.untried {
            view["untried"] = json!({"en": untried.en, "ko": untried.ko});
        }
    }
    if let Some(why) = outcome.why() {
        view["failure"] = json!({
            "code": why.code, "message": {"en": why.detail.en, "ko": why.detail.ko},
            "channelSaid": why.channel_said, "actor": Cause::of(&why.code).map(|cause| cause.actor.name()),
        });
    }
    view
}

fn named(text: &str) -> Result<Channel, String> {
    Channel::from_name(text).ok_or_else(|| {
        let meant = Channel::suggest(text).map(|channel| format!("; did you mean {channel}?"));
        let names = Channel::ALL.map(Channel::name).join(", ");
        format!("there are {names}{}", meant.unwrap_or_default())
    })
}
