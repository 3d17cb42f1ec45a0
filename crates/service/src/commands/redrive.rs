//! `fanfare redrive`: a second chance for many deliveries that failed, by filter.
//!
//! It looks first, and says what it found. Only with `--yes` it then goes through it
//! step by step; each step is the service's to take whole, so that one who breaks off
//! says the same again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::text;
use super::client::Client;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client, distribute};

/// A step asks for its deliveries one after the other, and then waits for them.
const STEP_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub(super) struct Args {
    /// To this channel; may be given more than once
    #[arg(long, value_name = "CHANNEL", group = "which")]
    channel: Vec<String>,
    /// That failed with this code; may be given more than once
    #[arg(long, value_name = "CODE", group = "which")]
    code: Vec<String>,
    /// Of this event
    #[arg(long, value_name = "ID", group = "which")]
    event_id: Option<String>,
    /// Failed at or after this time, such as 2026-12-01T09:00:00+09:00
    #[arg(long, value_name = "TIME", group = "which")]
    since: Option<String>,
    /// Failed before this time
    #[arg(long, value_name = "TIME", group = "which")]
    until: Option<String>,
    /// Really redrive them; without it, they are only counted
    #[arg(long, requires = "reason")]
    yes: bool,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
    /// Deliveries that are under way at once [default: 50]
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Go on although nothing of a step succeeds
    #[arg(long)]
    keep_going: bool,
}

impl Args {
    fn filter(&self) -> Value {
        let mut filter = json!({ "channels": self.channel, "codes": self.code });
        for (name, value) in [
            ("eventId", &self.event_id),
            ("since", &self.since),
            ("until", &self.until),
        ] {
            if let Some(value) = value {
                filter[name] = value.as_str().into();
            }
        }
        filter
    }

    fn order(&self, cursor: &str) -> Value {
        let mut order = self.filter();
        order["dryRun"] = false.into();
        order["cursor"] = cursor.into();
        order["reason"] = self.reason.as_deref().into();
        order["limit"] = self.limit.into();
        order
    }
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let (client, screen) = (common.client()?, Screen::stdout());
    let plan = ask(&client, &args.filter()).await?;
    if common.json {
        screen.say(&plan)?;
    } else {
        show_plan(screen, &plan)?;
    }
    let Some(next) = plan["next"].as_str() else {
        return Ok(());
    };
    if !args.yes {
        if !common.json {
            screen.say("Nothing was changed. With --yes and a --reason they are redriven.")?;
        }
        return Ok(());
    }
    let mut totals = Totals::default();
    let walked = walk(&client, (screen, common.json), args, next.to_owned(), &mut totals).await;
    if !common.json {
        screen.say(format_args!("In all: {}.", totals.words()))?;
        if walked.is_err() {
            screen.say("It broke off. Say the same again: nothing is redriven twice.")?;
        }
    }
    walked?;
    if totals.all_succeeded() {
        Ok(())
    } else {
        Err(Failure::NotDone)
    }
}

async fn ask(client: &Client, body: &Value) -> Result<Value, Failure> {
    let within = distribute::DEFAULT_WAIT + STEP_WITHIN + client::TIMEOUT;
    let body = body.to_string().into();
    let answer = client.post("/api/distributions/redrive", body, &[], within);
    answer.await?.json()
}

/// Step by step, to the end or to one of which nothing succeeds.
async fn walk(
    client: &Client,
    (screen, json): (Screen, bool),
    args: &Args,
    first: String,
    totals: &mut Totals,
) -> Result<(), Failure> {
    let mut next = Some(first);
    while let Some(cursor) = next.take() {
        let step = ask(client, &args.order(&cursor)).await?;
        let here = Totals::of(&step);
        totals.add(&here);
        if json {
            screen.say(&step)?;
        } else {
            screen.say(format_args!("  {}", here.words()))?;
        }
        next = step["next"].as_str().map(str::to_owned);
        if next.is_some() && here.is_hopeless() && !args.keep_going {
            if !json {
                screen.say("Nothing of this step succeeded, so it stops here; --keep-going goes on.")?;
            }
            break;
        }
    }
    Ok(())
}

/// What came of it, counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    outcomes: BTreeMap<String, u64>,
    skipped: BTreeMap<String, u64>,
}

impl Totals {
    fn of(step: &Value) -> Self {
        let counts = |list: &Value, name: &str| {
            let items = list.as_array().into_iter().flatten();
            items
                .map(|item| (text(&item[name]), item["count"].as_u64().unwrap_or(0)))
                .collect()
        };
        Self {
            outcomes: counts(&step["outcomes"], "status"),
            skipped: counts(&step["skipped"], "reason"),
        }
    }

    fn add(&mut self, other: &Self) {
        for (mine, others) in [
            (&mut self.outcomes, &other.outcomes),
            (&mut self.skipped, &other.skipped),
        ] {
            for (word, count) in others {
                *mine.entry(word.clone()).or_default() += count;
            }
        }
    }

    /// All that was redriven failed again.
    fn is_hopeless(&self) -> bool {
        !self.outcomes.is_empty() && self.outcomes.keys().all(|status| status == "FAILED")
    }

    fn all_succeeded(&self) -> bool {
        self.skipped.is_empty() && self.outcomes.keys().all(|status| status == "SUCCESS")
    }

    fn words(&self) -> String {
        let counted = |counts: &BTreeMap<String, u64>| {
            let words: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
            words.join(", ")
        };
        let redriven: u64 = self.outcomes.values().sum();
        let mut words = format!("{redriven} redriven");
        if redriven > 0 {
            words = format!("{words} ({})", counted(&self.outcomes));
        }
        if !self.skipped.is_empty() {
            words = format!("{words}; not redriven: {}", counted(&self.skipped));
        }
        words
    }
}

fn show_plan(screen: Screen, plan: &Value) -> Result<(), Failure> {
    let (matched, redrivable) = (text(&plan["matched"]), text(&plan["redrivable"]));
    screen.say(format_args!(
        "{matched} deliveries match; {redrivable} can be redriven."
    ))?;
    let list = |name: &str| plan[name].as_array().cloned().unwrap_or_default();
    for count in list("byCause") {
        let (channel, code) = (text(&count["channel"]), text(&count["code"]));
        let (matched, redrivable) = (text(&count["matched"]), text(&count["redrivable"]));
        screen.say(format_args!("  {channel} {code}: {redrivable} of {matched}"))?;
    }
    for skipped in list("skipped") {
        let (count, reason) = (text(&skipped["count"]), text(&skipped["reason"]));
        screen.say(format_args!("  {count} can't, {reason}: {}", text(&skipped["message"])))?;
    }
    if plan["alreadyLive"].as_u64().is_some_and(|live| live > 0) {
        let live = text(&plan["alreadyLive"]);
        screen.say(format_args!(
            "  {live} are known to be live by now: they become SUCCESS, and nothing is sent."
        ))?;
    }
    let sample: Vec<_> = list("sample").iter().map(text).collect();
    if !sample.is_empty() {
        screen.say(format_args!("  the oldest: {}", sample.join(" ")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_added_up() {
        let step = |outcomes: Value, skipped: Value| Totals::of(&json!({"outcomes": outcomes, "skipped": skipped}));
        let good = step(json!([{"status": "SUCCESS", "count": 3}]), json!([]));
        let bad = step(
            json!([{"status": "FAILED", "count": 2}]),
            json!([{"reason": "claim_held", "count": 1, "message": "…"}]),
        );
        assert!(good.all_succeeded() && !good.is_hopeless());
        assert!(bad.is_hopeless() && !bad.all_succeeded());
        let mut all = Totals::default();
        assert!(all.all_succeeded() && !all.is_hopeless());
        all.add(&good);
        all.add(&bad);
        assert!(!all.is_hopeless() && !all.all_succeeded());
        assert_eq!(
            all.words(),
            "5 redriven (2 FAILED, 3 SUCCESS); not redriven: 1 claim_held"
        );
    }
}
