//! `fanfare distribute FILE`: sends a request, and shows what came of it.
//!
//! The request is not looked at here: whether it is right is for the service to
//! say, in one place and in one wording.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use hyper::header::HeaderName;

use super::answer::Answer;
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::{Common, client, results};

/// What the service waits by default.
pub(super) const DEFAULT_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The request in JSON; `-` reads standard input
    file: PathBuf,
    /// A name for this request: sent again within 24 h it is answered, not done again
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait so many seconds for the channels [default: what the service is set to, 30]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=60))]
    wait: Option<u64>,
    /// Do not wait for the channels
    #[arg(long, conflicts_with = "wait")]
    respond_async: bool,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let client = common.client()?;
    let body = read(&args.file)?;
    let within = args.wait.map_or(DEFAULT_WAIT, Duration::from_secs) + client::TIMEOUT;
    let reply = client
        .post("/api/distribution/distribute", body, &headers(args), within)
        .await?;
    let (screen, json) = (Screen::stdout(), reply.json()?);
    let answer = Answer::read(&json)?;
    if common.json {
        screen.say(format_args!("{json:#}"))?;
        return answer.verdict();
    }
    screen.say(results::headline(screen, &answer))?;
    if reply.header("idempotent-replayed") == "true" {
        screen.say(screen.paint(
            Tone::Mind,
            "This request was accepted before: its distribution, as it stands now.",
        ))?;
    }
    screen.say(results::whole(screen, &answer))?;
    if answer.moves() {
        screen.say(format!("It goes on: fanfare watch {}", answer.distribution_id))?;
    }
    answer.verdict()
}

fn read(file: &PathBuf) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_end(&mut body)
            .context("cannot read standard input")?;
    } else {
        body = std::fs::read(file).with_context(|| format!("cannot read the request {}", file.display()))?;
    }
    Ok(body.into())
}

fn headers(args: &Args) -> Vec<(HeaderName, String)> {
    let key = args.idempotency_key.clone().map(|key| ("idempotency-key", key));
    let wait = args.wait.map(|seconds| ("prefer", format!("wait={seconds}")));
    let at_once = args.respond_async.then(|| ("prefer", "respond-async".to_owned()));
    let named = |(name, value)| (HeaderName::from_static(name), value);
    [key, wait, at_once].into_iter().flatten().map(named).collect()
}
