//! `fanfare withdraw ID CHANNEL`: takes down what is live on a channel.

use serde_json::{Map, Value};

use super::answer::{Answer, text};
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client, distribute, results};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The distribution
    distribution_id: String,
    /// The channel on which it is live, such as Instagram
    channel: String,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), reason.clone().into());
    }
    let (id, channel) = (client::segment(&args.distribution_id), client::segment(&args.channel));
    let path = format!("/api/distributions/{id}/channels/{channel}/withdraw");
    let body = Value::Object(body).to_string().into();
    let within = distribute::DEFAULT_WAIT + client::TIMEOUT;
    let json = common.client()?.post(&path, body, &[], within).await?.json()?;
    let (screen, answer) = (Screen::stdout(), Answer::read(&json)?);
    let withdrawal = &json["withdrawal"];
    if common.json {
        screen.say(format_args!("{json:#}"))?;
    } else {
        screen.say(results::headline(screen, &answer))?;
        screen.say(results::table(screen, &answer))?;
        let (channel, message) = (text(&withdrawal["channel"]), text(&withdrawal["message"]));
        screen.say(format_args!("{channel}: {message}"))?;
    }
    match withdrawal["effect"].as_str() {
        Some("withdrawn") => Ok(()),
        _ => Err(Failure::NotDone),
    }
}
