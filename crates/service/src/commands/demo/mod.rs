//! `fanfare demo`: the whole thing at a glance, with nothing set up.
//!
//! It starts the service in this process on the embedded defaults (whatever the
//! configuration says: a demo must touch nobody's data and call no real channel),
//! sends it three examples through its HTTP door, and shows what came of them.
//! Instagram and 우리동네TV are called over HTTP, at a simulator that this process
//! starts too; the other four are mocked. Nothing here is slowed down to look busy.

mod announce;
mod report;

use std::path::PathBuf;

use tracing_subscriber::filter::LevelFilter;

use self::announce::Announced;
use super::Common;
use super::client::Client;
use super::failure::Failure;
use super::screen::Screen;
use super::serve::{LogFormat, Signals, log_to_stderr};
use super::simulated::{Service, Wanted};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after the examples; without it the service stays up until Ctrl-C
    #[arg(long)]
    once: bool,
    /// Keep the data here; without it they are gone at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What goes wrong at the simulated channels: calm, publish-lies,
    /// slow-instagram, flaky, outage, or a .toml file
    #[arg(long, value_name = "NAME", default_value = "calm")]
    scenario: String,
    /// Listen on this port, 0 for any [default: 8080, or the next free one]
    #[arg(long)]
    port: Option<u16>,
}

/// A request that is sent.
struct Example {
    file: &'static str,
    body: &'static str,
}

const EXAMPLES: [Example; 3] = [
    Example {
        file: "examples/spring-coffee.json",
        body: include_str!("../../../../../examples/spring-coffee.json"),
    },
    Example {
        file: "examples/bakery.json",
        body: include_str!("../../../../../examples/bakery.json"),
    },
    Example {
        file: "examples/flower-shop.json",
        body: include_str!("../../../../../examples/flower-shop.json"),
    },
];

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    log_to_stderr(LogFormat::Text, LevelFilter::WARN)?;
    let mut signals = Signals::new()?;
    let wanted = Wanted {
        data_dir: args.data_dir.as_deref(),
        port: args.port,
        scenario: &args.scenario,
    };
    let service = Box::pin(Service::start(&wanted, |_as_it_is| {})).await?;
    let shown = tokio::select! {
        shown = show(common, args, &service) => shown,
        _ = signals.next() => Err(Failure::Closed),
    };
    // What did not succeed is worth a look, too.
    if !args.once && matches!(shown, Ok(()) | Err(Failure::NotDone)) {
        signals.next().await;
    }
    service.stop().await;
    shown
}

async fn show(common: &Common, args: &Args, service: &Service) -> Result<(), Failure> {
    let screen = Screen::stdout();
    let client = Client::new(&service.url)?;
    if common.json {
        let mut announced = Vec::new();
        for example in &EXAMPLES {
            announced.push(announce::announce(&client, example, &service.media(), None).await?);
        }
        screen.say(format_args!("{:#}", report::json(service, &announced)))?;
        return verdict(&announced);
    }
    report::greeting(screen, service)?;
    let mut announced = Vec::new();
    for (place, example) in EXAMPLES.iter().enumerate() {
        report::title(screen, example, place + 1, EXAMPLES.len())?;
        let one = announce::announce(&client, example, &service.media(), Some(screen)).await?;
        report::outcome(screen, &one)?;
        announced.push(one);
    }
    report::next_steps(screen, service, args, &announced)?;
    verdict(&announced)
}

fn verdict(announced: &[Announced]) -> Result<(), Failure> {
    announced.iter().try_for_each(|one| one.answer.verdict())
}
