//! `fanfare channels`: what the service says of its channels: whether they are
//! really called, what they need, what they take. `--json` shows all of it.

use comfy_table::Cell;
use serde_json::Value;

use super::answer::{name_of, text};
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::{Common, account, breaker, check, results, token};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Hand a tenant's own account over, show it or remove it
    Account(account::Args),
    /// Force a channel's circuit breaker open, close, disable or reset it, on every node
    Breaker(breaker::Args),
    /// Try the credentials of each live channel, without posting; works by the configuration, not by a service
    Check(check::Args),
    /// Hand a new token over: read from the standard input, kept sealed in the configured database
    Token(token::Args),
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Some(Command::Account(args)) => account::run(common, args).await,
        Some(Command::Breaker(args)) => breaker::run(common, args).await,
        Some(Command::Check(args)) => Box::pin(check::run(common, args)).await,
        Some(Command::Token(args)) => token::run(common, args).await,
        None => show(common).await,
    }
}

async fn show(common: &Common) -> Result<(), Failure> {
    let json = common.client()?.get("/api/channels").await?.json()?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{json:#}"));
    }
    let Some(channels) = json["channels"].as_array() else {
        return Err(anyhow::anyhow!("the answer has no `channels`; is it fanfare that answered?").into());
    };
    let mut table = screen.table();
    table.set_header(["Channel", "Mode", "Needs", "Limits"].map(results::heading));
    for channel in channels {
        let name = text(&channel["name"]);
        let mode = text(&channel["mode"]);
        table.add_row([
            Cell::new(format!("{}\n{name}", name_of(&name))),
            match (
                text(&channel["problem"]["message"]),
                breaker::remark(&channel["breaker"]),
            ) {
                (problem, _) if !problem.is_empty() => results::toned(&format!("{mode}: {problem}"), Tone::Bad),
                (_, Some(breaker)) => results::toned(&format!("{mode}: {breaker}"), Tone::Bad),
                _ if mode == "mock" => results::toned(&mode, Tone::Mind),
                _ if channel["token"].is_object() => lapses(&mode, &channel["token"]),
                _ => Cell::new(mode),
            },
            Cell::new(needs(channel)),
            Cell::new(limits(channel)),
        ]);
    }
    screen.say(table)
}

fn lapses(mode: &str, token: &Value) -> Cell {
    let tone = if token["state"] == "good" {
        Tone::Good
    } else {
        Tone::Bad
    };
    results::toned(&format!("{mode}: {}", token_words(token)), tone)
}

/// When the token lapses, and what is wrong with it.
pub(super) fn token_words(token: &Value) -> String {
    let (state, expires_at) = (text(&token["state"]), text(&token["expiresAt"]));
    let end = match &*expires_at {
        "" => String::new(),
        at => format!(", lapses at {at}"),
    };
    let problem = match &*text(&token["problem"]["message"]) {
        "" => String::new(),
        problem => format!("\nnot renewed: {problem}"),
    };
    format!("token {state}{end}{problem}")
}

/// One line for each input; any of those in it will do.
fn needs(channel: &Value) -> String {
    let inputs = channel["requiredInputs"].as_array().into_iter().flatten();
    let any_of = |input: &Value| {
        let pointers = input["anyOf"].as_array().into_iter().flatten();
        pointers
            .map(|pointer| last(&text(pointer)))
            .collect::<Vec<_>>()
            .join(" or ")
    };
    inputs.map(any_of).collect::<Vec<_>>().join("\n")
}

fn limits(channel: &Value) -> String {
    let limits = channel["limits"].as_array().into_iter().flatten();
    limits.map(limit).collect::<Vec<_>>().join("\n")
}

fn limit(limit: &Value) -> String {
    let (field, unit) = (last(&text(&limit["pointer"])), text(&limit["unit"]));
    let formats: Vec<_> = limit["formats"].as_array().into_iter().flatten().map(text).collect();
    match (text(&limit["min"]).as_str(), text(&limit["max"]).as_str()) {
        ("", "") => format!("{field} {}", formats.join(", ")),
        ("", max) => format!("{field} ≤ {max} {unit}"),
        (min, max) => format!("{field} {min} to {max} {unit}"),
    }
}

/// What a JSON pointer points at, without the way there; a place in a list says
/// nothing here.
fn last(pointer: &str) -> String {
    let options = pointer
        .strip_prefix("/channelOptions/")
        .and_then(|rest| rest.split_once('/'));
    let own = options.map(|(_, own)| own).or(pointer.strip_prefix("/contentUrls/"));
    own.unwrap_or(pointer).replace("/0/", ".").replace('/', ".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_said_in_few_words() {
        for (value, words) in [
            (
                json!({"pointer": "/contentUrls/imageUrl", "unit": "format", "formats": ["jpg", "jpeg"]}),
                "imageUrl jpg, jpeg",
            ),
            (
                json!({"pointer": "/channelOptions/GenieTV/budget", "unit": "KRW", "min": 1, "max": 9}),
                "budget 1 to 9 KRW",
            ),
            (
                json!({"pointer": "/channelOptions/KakaoChannel/buttons/0/name", "unit": "utf16Units", "max": 14}),
                "buttons.name ≤ 14 utf16Units",
            ),
        ] {
            assert_eq!(limit(&value), words);
        }
    }
}
