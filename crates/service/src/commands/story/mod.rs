//! `fanfare story`: a channel is out of order for ten minutes, told shorter.
//!
//! A service in this process announces an event every half minute on all six
//! channels, at the simulator; one of them, 우리동네TV, answers 503 for ten
//! minutes. The service is the real one and only its clocks are set to the story's
//! minute: the breaker's, the retries'. What is told is what was seen from
//! outside: over HTTP, at the endpoints for notices, and at the channels.
//!
//! | file | holds |
//! |---|---|
//! | `play.rs` | what happens when, and what is seen of it |
//! | `told.rs` | who is told by notices |
//! | `ending.rs` | what must be true in the end |
//!
//! `tests/cli/story.rs` plays it too, so that the README does not promise more.

mod ending;
mod play;
mod told;

use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

use self::play::Play;
use self::told::Listeners;
use super::Common;
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::serve::{LogFormat, Signals, log_to_stderr};
use super::simulated::{Service, Wanted};
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// So long a minute of the story takes, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(2..=60))]
    minute: u64,
    /// Listen on this port, 0 for any [default: 8080, or the next free one]
    #[arg(long)]
    port: Option<u16>,
}

/// The channel that is out of order, as the service names it and as the simulator does.
const CHANNEL: (&str, &str) = ("WooridongneTV", "wooridongne-tv");

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    log_to_stderr(LogFormat::Text, LevelFilter::ERROR)?;
    let mut signals = Signals::new()?;
    let listeners = Listeners::start().await?;
    let wanted = Wanted {
        data_dir: None,
        port: args.port,
        scenario: "calm",
    };
    let adjusted = |config: &mut Config| adjust(config, args.minute, &listeners);
    let service = Box::pin(Service::start(&wanted, adjusted)).await?;
    let told = tokio::select! {
        told = tell(common, args, &service, &listeners) => told,
        _ = signals.next() => Err(Failure::Closed),
    };
    service.stop().await;
    told
}

async fn tell(common: &Common, args: &Args, service: &Service, listeners: &Listeners) -> Result<(), Failure> {
    let screen = Screen::stdout();
    if !common.json {
        let words = format!(
            "The service runs on {}, the six channels are simulated; a minute of the story takes {} s.\n",
            service.url, args.minute
        );
        screen.say(screen.paint(Tone::Faint, words))?;
    }
    let minute = Duration::from_secs(args.minute);
    let mut play = Play::new(service, listeners, minute, (!common.json).then_some(screen))?;
    play.run().await?;
    let ending = ending::Ending::of(&play, service, listeners);
    if common.json {
        screen.say(format_args!("{:#}", ending.json(&play)))?;
    } else {
        ending.say(screen)?;
    }
    if ending.is_good() {
        Ok(())
    } else {
        Err(Failure::NotDone)
    }
}

/// All of the service's own times that the story has to do with.
fn adjust(config: &mut Config, minute: u64, listeners: &Listeners) {
    config.breaker.wait_duration_in_open_state_s = (config.breaker.wait_duration_in_open_state_s * minute / 60).max(1);
    config.breaker.max_wait_duration_in_open_state_s =
        (config.breaker.max_wait_duration_in_open_state_s * minute / 60).max(1);
    config.engine.initial_interval_ms = (config.engine.initial_interval_ms * minute / 60).max(1);
    config.engine.max_interval_s = (config.engine.max_interval_s * minute / 60).max(1);
    // One call at a time: what is called at once may be finished in any order.
    config.channels.wooridongne_tv.concurrency = 1;
    config.notices = listeners.endpoints();
}
