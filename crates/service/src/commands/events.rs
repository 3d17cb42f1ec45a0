//! `fanfare events`: the journal of published events, those that Kafka has
//! refused for good, and publishing again.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::Common;
use super::answer::{Answer, text};
use super::client::{Client, TIMEOUT};
use super::failure::Failure;
use super::screen::{Screen, Tone};

/// Events a request.
const PAGE: usize = 100;

/// Between two looks at the journal.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the events after a position, oldest first
    Tail {
        /// The position after which to begin; 0 is the beginning
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: u64,
        /// Go on with what is published from now on
        #[arg(long, short)]
        follow: bool,
    },
    /// Show the events that Kafka has refused for good, oldest first
    Dead,
    /// Publish events to Kafka again, under the ids that they have
    Replay(Replay),
}

/// Every given condition must hold.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Replay {
    /// Published first at or after this time, such as 2026-12-01T09:00:00+09:00
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of this event
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Only those that Kafka has refused for good
    #[arg(long)]
    dead: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Tail { after, follow } => tail(common, *after, *follow).await,
        Command::Dead => dead(common).await,
        Command::Replay(which) => replay(common, which).await,
    }
}

async fn replay(common: &Common, which: &Replay) -> Result<(), Failure> {
    let mut body = json!({ "deadOnly": which.dead });
    for (name, value) in [("since", &which.since), ("eventId", &which.event_id)] {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    let (client, body) = (common.client()?, body.to_string().into());
    let answer = client.post("/api/events/replay", body, &[], TIMEOUT).await?.json()?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{answer:#}"));
    }
    screen.say(format_args!("published again: {}", text(&answer["replayed"])))
}

async fn dead(common: &Common) -> Result<(), Failure> {
    let (client, screen) = (common.client()?, Screen::stdout());
    let mut cursor = 0;
    loop {
        let page = page_of(&client, "/api/events/dead", cursor).await?;
        for event in &page.events {
            if common.json {
                screen.say(event)?;
                continue;
            }
            let why = screen.paint(Tone::Bad, text(&event["reason"]));
            let since = text(&event["deadAt"]);
            screen.say(line(screen, event))?;
            screen.say(format_args!(
                "        refused {} times, dead since {since}: {why}",
                text(&event["refusals"])
            ))?;
        }
        if page.events.is_empty() || page.next <= cursor {
            return Ok(());
        }
        cursor = page.next;
    }
}

async fn tail(common: &Common, after: u64, follow: bool) -> Result<(), Failure> {
    let (client, screen) = (common.client()?, Screen::stdout());
    let mut cursor = after;
    loop {
        let page = page(&client, cursor).await?;
        for event in &page.events {
            screen.say(if common.json {
                event.to_string()
            } else {
                line(screen, event)
            })?;
        }
        let advanced = page.next > cursor && !page.events.is_empty();
        cursor = cursor.max(page.next);
        match (advanced, follow) {
            (true, _) => {}
            (false, true) => tokio::time::sleep(INTERVAL).await,
            (false, false) => return Ok(()),
        }
    }
}

/// A piece of the journal.
pub(super) struct Page {
    pub(super) events: Vec<Value>,
    /// After which to go on.
    pub(super) next: u64,
}

/// What follows that position.
pub(super) async fn page(client: &Client, after: u64) -> Result<Page, Failure> {
    page_of(client, "/api/events", after).await
}

async fn page_of(client: &Client, path: &str, after: u64) -> Result<Page, Failure> {
    let mut json = client
        .get(&format!("{path}?after={after}&limit={PAGE}"))
        .await?
        .json()?;
    let Value::Array(events) = json["events"].take() else {
        return Err(anyhow::anyhow!("the answer has no `events`; is it fanfare that answered?").into());
    };
    let last = events.last().and_then(|event| event["position"].as_u64());
    let next = json["next"].as_u64().or(last).or(events.is_empty().then_some(after));
    Ok(Page {
        events,
        next: next.context("the journal's answer does not say how to go on")?,
    })
}

/// One event in one line.
fn line(screen: Screen, event: &Value) -> String {
    let data = &event["data"];
    let position = screen.paint(Tone::Faint, format!("{:>6}", text(&event["position"])));
    let status = text(&data["status"]);
    let counts = Answer::read(data).map_or_else(
        |_| String::new(),
        |answer| format!("{}/{}", answer.succeeded(), answer.rows.len()),
    );
    format!(
        "{position}  {}  {} v{}  {}  {counts}  {}  {}",
        text(&data["completedAt"]),
        text(&event["type"]),
        text(&data["version"]),
        screen.paint(Tone::of_status(&status), &status),
        screen.paint(Tone::Strong, text(&data["eventId"])),
        screen.paint(Tone::Faint, text(&data["distributionId"])),
    )
}
