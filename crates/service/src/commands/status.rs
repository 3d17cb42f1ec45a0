//! `fanfare status EVENT_ID`: how an event stands.

use super::answer::Answer;
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::{Common, client, results};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The event, as the request named it
    event_id: String,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let path = format!("/api/distribution/{}/status", client::segment(&args.event_id));
    let reply = common.client()?.get(&path).await?;
    let (screen, json) = (Screen::stdout(), reply.json()?);
    let answer = Answer::read(&json)?;
    if common.json {
        screen.say(format_args!("{json:#}"))?;
        return answer.verdict();
    }
    screen.say(results::headline(screen, &answer))?;
    screen.say(results::whole(screen, &answer))?;
    let from = match reply.header("x-cache") {
        "hit" => "from the status cache",
        _ => "from the database",
    };
    screen.say(screen.paint(Tone::Faint, from))?;
    answer.verdict()
}
