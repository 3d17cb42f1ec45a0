//! `fanfare retry ID`: a second chance for channels that failed or were called off.

use bytes::Bytes;
use serde_json::json;

use super::answer::Answer;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, client, distribute, results};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The distribution
    distribution_id: String,
    /// Only this channel; may be given more than once [default: all that can be retried;
    /// what was withdrawn only where nothing else can]
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<String>,
    /// Why, for those who ask later
    #[arg(long, value_name = "WORDS")]
    reason: Option<String>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let body = json!({ "channels": args.channel, "reason": args.reason });
    let path = format!("/api/distributions/{}/retry", client::segment(&args.distribution_id));
    ask(common, &path, body.to_string().into()).await
}

/// Posts it, and shows how the distribution stands then.
pub(super) async fn ask(common: &Common, path: &str, body: Bytes) -> Result<(), Failure> {
    let within = distribute::DEFAULT_WAIT + client::TIMEOUT;
    let json = common.client()?.post(path, body, &[], within).await?.json()?;
    let (screen, answer) = (Screen::stdout(), Answer::read(&json)?);
    if common.json {
        screen.say(format_args!("{json:#}"))?;
    } else {
        screen.say(results::headline(screen, &answer))?;
        screen.say(results::whole(screen, &answer))?;
    }
    answer.verdict()
}
