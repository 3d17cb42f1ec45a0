//! `fanfare partners check`: holds a partner's endpoint against the contract that
//! we propose (`api/partners/`), one line for each promise. What the contract
//! asks of all partners is in `contract.rs`, what 지니TV's booking adds in
//! `booking.rs`, that it can be taken down again in `withdrawal.rs`.
//!
//! It makes real things at the partner, so it begins only when told to.

mod booking;
mod contract;
mod partner;
mod withdrawal;

use std::io::Write;
use std::time::Duration;

use fanfare_channels::secret::Secret;
use fanfare_core::channel::Channel;
use fanfare_core::phone::Phone;
use serde_json::{Value, json};
use url::Url;

use self::contract::{Resource, Withdrawal};
use self::partner::Partner;
use super::Common;
use super::failure::Failure;
use super::screen::{Screen, Tone};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Check an endpoint; it MAKES TEST ORDERS there, so use a test account
    Check(Box<Check>),
}

/// `--url` is the partner's base URL.
#[derive(Debug, clap::Args)]
struct Check {
    /// Whose contract
    #[arg(value_parser = channel)]
    channel: Channel,
    /// As whom; better in the variable, since others can read a command line
    #[arg(long, env = "FANFARE_PARTNER_TOKEN", hide_env_values = true)]
    token: String,
    /// Yes: make test orders there
    #[arg(long)]
    yes: bool,
    /// 지니TV: the advertiser's account
    #[arg(long, default_value = "fanfare-check")]
    account: String,
    /// 지니TV: what is ordered
    #[arg(long, default_value = "fanfare-check")]
    product: String,
    /// 지니TV: book the line, too, which COSTS MONEY where it is no test account
    #[arg(long)]
    book: bool,
    /// 지니TV: seconds to wait for the review of a booking
    #[arg(long, default_value_t = 60)]
    wait: u64,
    /// 링고비즈: the line whose tone IS REPLACED
    #[arg(long, value_parser = line)]
    line: Option<String>,
    /// A file that the partner can fetch
    #[arg(long)]
    media: Option<Url>,
}

/// What one promise came to.
pub(super) enum Outcome {
    Kept,
    /// What was seen instead.
    Broken(String),
    /// Why it was not tried.
    Skipped(&'static str),
}

/// Every promise that was looked at, in order.
#[derive(Default)]
pub(super) struct Report(Vec<(&'static str, &'static str, Outcome)>);

impl Report {
    /// A stable name, what is promised, and what was seen where that is not so.
    pub(super) fn add(&mut self, name: &'static str, promise: &'static str, seen: Result<(), String>) {
        let outcome = seen.map_or_else(Outcome::Broken, |()| Outcome::Kept);
        self.0.push((name, promise, outcome));
    }

    pub(super) fn skip(&mut self, name: &'static str, promise: &'static str, why: &'static str) {
        self.0.push((name, promise, Outcome::Skipped(why)));
    }
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let Command::Check(args) = &args.command;
    let base = common
        .url
        .as_deref()
        .ok_or_else(|| usage("--url must be the partner's base URL"))?;
    let base = Url::parse(base)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let base = base.ok_or_else(|| usage("--url must be an absolute http or https URL"))?;
    let resource = args.resource()?;
    let warning = args.warning(&base);
    if !args.yes {
        return Err(usage(&format!("{warning} Say --yes if that is what you want.")));
    }
    // Whoever reads the report elsewhere has been told all the same.
    _ = writeln!(std::io::stderr(), "fanfare: {warning}");
    let partner = Partner::new(base, Secret::new(args.token.trim()))?;
    partner.answers().await.map_err(Failure::Broken)?;
    let mut report = Report::default();
    let made = contract::check(&partner, &resource, &mut report).await;
    if args.channel == Channel::GenieTV {
        booking::check(&partner, args, made.as_deref(), &mut report).await;
    }
    withdrawal::check(&partner, &resource, made.as_deref(), &mut report).await;
    partner.check_problems(&mut report);
    show(&report, args.channel, common.json)
}

fn usage(what: &str) -> Failure {
    Failure::Usage(what.to_owned())
}

impl Check {
    fn warning(&self, base: &Url) -> String {
        let what = match self.channel {
            Channel::RingoBiz => "the ring-back tone of --line is replaced, several times",
            Channel::GenieTV if self.book => "several orders are made, and one line is BOOKED, which may cost money",
            Channel::GenieTV => "several draft orders are made; none is booked",
            _ => "several distributions are made, which may cost money",
        };
        format!("this makes test orders at {base}: {what}. Use a test account; not all of it is taken back.")
    }

    /// What the common promises are tried on.
    fn resource(&self) -> Result<Resource, Failure> {
        let media = |file: &str| match &self.media {
            Some(url) => url.to_string(),
            None => format!("https://example.com/{file}"),
        };
        Ok(match self.channel {
            Channel::WooridongneTV => Resource {
                method: "POST",
                path: vec!["v1".to_owned(), "distributions".to_owned()],
                name: "externalId",
                identity: "distributionId",
                list: Some("items"),
                body: json!({"mediaUrl": media("check.mp4"), "regions": ["1114000000"], "timeSlots": [],
                    "budget": 50_000}),
                other: ("budget", json!(60_000)),
                wrong: ("mediaUrl", json!("no address")),
                hash: None,
                withdrawal: Some(Withdrawal::ById),
            },
            Channel::GenieTV => Resource {
                method: "POST",
                path: vec!["accounts".to_owned(), self.account.clone(), "orders".to_owned()],
                name: "name",
                identity: "id",
                list: Some("orders"),
                body: booking::order(),
                other: ("budget", json!(200_000)),
                wrong: ("budget", json!(-1)),
                hash: None,
                // What is booked is: `booking.rs`.
                withdrawal: None,
            },
            _ => {
                let line = self.line.clone();
                let line = line.ok_or_else(|| usage("RingoBiz needs --line: the line whose tone is replaced"))?;
                Resource {
                    method: "PUT",
                    path: vec!["v1".to_owned(), "lines".to_owned(), line, "ringback-tone".to_owned()],
                    name: "externalId",
                    identity: "updateTimestamp",
                    list: None,
                    body: json!({"audioUrl": media("check.mp3")}),
                    other: ("audioUrl", json!(other_sound(&media("check.mp3")))),
                    wrong: ("audioUrl", json!("no address")),
                    hash: Some(("sha256", self.other_hash())),
                    withdrawal: Some(Withdrawal::ByName),
                }
            }
        })
    }

    /// Whether a partner looks at the sound shows only where there is one.
    fn other_hash(&self) -> Result<Value, &'static str> {
        let tried = self.media.as_ref().map(|_| json!("0".repeat(64)));
        tried.ok_or("--media must name a sound that the partner can fetch")
    }

    fn review_patience(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

/// The same file by another address.
fn other_sound(url: &str) -> String {
    let before = if url.contains('?') { '&' } else { '?' };
    format!("{url}{before}fanfare-check=2")
}

fn show(report: &Report, channel: Channel, json: bool) -> Result<(), Failure> {
    let screen = Screen::stdout();
    let broken = report
        .0
        .iter()
        .filter(|(.., outcome)| matches!(outcome, Outcome::Broken(_)));
    let broken = broken.count();
    if json {
        let checks: Vec<_> = report.0.iter().map(view).collect();
        screen.say(format_args!(
            "{:#}",
            json!({"channel": channel, "broken": broken, "checks": checks})
        ))?;
    } else {
        for (name, promise, outcome) in &report.0 {
            let (tone, word, seen) = match outcome {
                Outcome::Kept => (Tone::Good, "ok  ", String::new()),
                Outcome::Broken(seen) => (Tone::Bad, "FAIL", format!("; seen: {seen}")),
                Outcome::Skipped(why) => (Tone::Mind, "skip", format!("; {why}")),
            };
            screen.say(format_args!("{}  {name:<14} {promise}{seen}", screen.paint(tone, word)))?;
        }
        let all = report.0.len();
        screen.say(format_args!("{channel}: {broken} of {all} promises are broken"))?;
    }
    if broken > 0 { Err(Failure::NotDone) } else { Ok(()) }
}

fn view((name, promise, outcome): &(&str, &str, Outcome)) -> Value {
    let (word, seen) = match outcome {
        Outcome::Kept => ("ok", None),
        Outcome::Broken(seen) => ("fail", Some(seen.as_str())),
        Outcome::Skipped(why) => ("skip", Some(*why)),
    };
    json!({"name": name, "promise": promise, "outcome": word, "seen": seen})
}

fn channel(text: &str) -> Result<Channel, String> {
    let known = [Channel::WooridongneTV, Channel::GenieTV, Channel::RingoBiz];
    let named = known
        .into_iter()
        .find(|channel| channel.name().eq_ignore_ascii_case(text));
    named.ok_or_else(|| "there are contracts for WooridongneTV, GenieTV and RingoBiz".to_owned())
}

fn line(text: &str) -> Result<String, String> {
    Phone::parse(text)
        .map(|phone| phone.e164)
        .map_err(|error| error.text().en)
}

/// A name that no earlier run has used.
pub(super) fn fresh() -> Result<String, String> {
    use rand::TryRng;
    let mut random = [0; 16];
    rand::rngs::SysRng
        .try_fill_bytes(&mut random)
        .map_err(|error| format!("the system gave no randomness: {error}"))?;
    Ok(format!(
        "fanfare-check-{}",
        uuid::Builder::from_random_bytes(random).into_uuid()
    ))
}
