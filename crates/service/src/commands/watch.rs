//! `fanfare watch ID`: follows a distribution until nothing moves.

use std::time::Duration;

use super::answer::Answer;
use super::bars::Bars;
use super::client::{self, Client};
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, results};

/// Between two looks.
pub(super) const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The distribution, as `distribute` answered
    distribution_id: String,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let client = common.client()?;
    let screen = Screen::stdout();
    let mut latest = look(&client, &args.distribution_id).await?;
    let mut bars = (!common.json).then(|| Bars::new(screen, &channels(&latest)));
    loop {
        if let Some(bars) = &mut bars {
            bars.show(&latest.rows)?;
        }
        if !latest.moves() {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
        latest = look(&client, &args.distribution_id).await?;
    }
    if let Some(bars) = bars {
        bars.end()?;
        screen.say(format!("\n{}", results::headline(screen, &latest)))?;
        screen.say(results::table(screen, &latest))?;
    } else {
        let json = client.get(&path(&args.distribution_id)).await?.json()?;
        screen.say(format_args!("{json:#}"))?;
    }
    latest.verdict()
}

/// How a distribution stands now.
pub(super) async fn look(client: &Client, id: &str) -> Result<Answer, Failure> {
    Answer::read(&client.get(&path(id)).await?.json()?)
}

fn path(id: &str) -> String {
    format!("/api/distributions/{}", client::segment(id))
}

fn channels(answer: &Answer) -> Vec<String> {
    answer.rows.iter().map(|row| row.channel.clone()).collect()
}
