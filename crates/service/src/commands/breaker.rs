//! `fanfare channels breaker CHANNEL ACTION`: orders something of a channel's
//! circuit breaker.

use std::time::Duration;

use serde_json::{Map, Value};

use super::answer::text;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client};

/// The service waits a second for its own node to obey.
const WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The channel, such as Instagram
    channel: String,
    /// `force_open`: not called until another order; `close`: called and judged again; `disable`: called
    /// and not judged; `reset`: as after a start
    action: String,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut body = Map::new();
    // The CLI's own habit of hyphens is taken too.
    body.insert("action".to_owned(), args.action.replace('-', "_").into());
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), reason.clone().into());
    }
    let path = format!("/api/channels/{}/breaker", client::segment(&args.channel));
    let body = Value::Object(body).to_string().into();
    let json = common.client()?.post(&path, body, &[], WITHIN).await?.json()?;
    let screen = Screen::stdout();
    if common.json {
        return screen.say(format_args!("{json:#}"));
    }
    let (channel, state) = (text(&json["channel"]), text(&json["breaker"]["state"]));
    screen.say(format_args!(
        "The breaker of {channel} is {state}; every node obeys within two seconds."
    ))
}

/// What is to be said of a breaker where it stands: nothing while it is closed.
pub(super) fn remark(breaker: &Value) -> Option<String> {
    let state = text(&breaker["state"]);
    let until = text(&breaker["nextProbeAt"]);
    match &*state {
        "" | "CLOSED" => None,
        "OPEN" if !until.is_empty() => Some(format!("breaker OPEN until {until}")),
        state => Some(format!("breaker {state}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_breaker_is_spoken_of_where_it_holds() {
        for (breaker, words) in [
            (json!(null), None),
            (json!({"state": "CLOSED", "since": "2026-11-26T09:00:00Z"}), None),
            (json!({"state": "FORCED_OPEN"}), Some("breaker FORCED_OPEN")),
            (
                json!({"state": "OPEN", "nextProbeAt": "2026-11-26T09:00:30Z"}),
                Some("breaker OPEN until 2026-11-26T09:00:30Z"),
            ),
        ] {
            assert_eq!(remark(&breaker).as_deref(), words, "{breaker}");
        }
    }
}
