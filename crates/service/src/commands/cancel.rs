//! `fanfare cancel ID`: calls a distribution off.

use serde_json::{Map, Value};

use super::answer::{Answer, text};
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client, results};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The distribution
    distribution_id: String,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let mut body = Map::new();
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), reason.clone().into());
    }
    let path = format!("/api/distributions/{}/cancel", client::segment(&args.distribution_id));
    let body = Value::Object(body).to_string().into();
    let json = common.client()?.post(&path, body, &[], client::TIMEOUT).await?.json()?;
    let (screen, answer) = (Screen::stdout(), Answer::read(&json)?);
    if common.json {
        return screen.say(format_args!("{json:#}"));
    }
    screen.say(results::headline(screen, &answer))?;
    screen.say(results::table(screen, &answer))?;
    for channel in json["cancellation"].as_array().into_iter().flatten() {
        screen.say(format_args!(
            "{}: {}",
            text(&channel["channel"]),
            text(&channel["message"])
        ))?;
    }
    Ok(())
}
