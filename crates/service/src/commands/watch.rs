//! `fanfare watch ID`: follows a distribution until nothing moves.

use super::answer::Answer;
use super::bars::Bars;
use super::failure::Failure;
use super::screen::Screen;
use super::{Common, progress, results};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The distribution, as `distribute` answered
    distribution_id: String,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let client = common.client()?;
    let screen = Screen::stdout();
    let mut bars: Option<Bars> = None;
    let mut latest = None;
    let follow = progress::follow(&client, &args.distribution_id, |state| {
        let answer = Answer::read(&state)?;
        if common.json {
            screen.say(&state)?;
        } else {
            let bars = bars.get_or_insert_with(|| Bars::new(screen, &channels(&answer)));
            bars.show(&answer.rows)?;
        }
        let moves = answer.moves();
        latest = Some(answer);
        Ok(moves)
    });
    follow.await?;
    let latest = latest.ok_or_else(|| anyhow::anyhow!("the service showed nothing; is it fanfare that answered?"))?;
    if let Some(bars) = bars {
        bars.end()?;
        screen.say(format!("\n{}", results::headline(screen, &latest)))?;
        screen.say(results::whole(screen, &latest))?;
    }
    latest.verdict()
}

fn channels(answer: &Answer) -> Vec<String> {
    answer.rows.iter().map(|row| row.channel.clone()).collect()
}
