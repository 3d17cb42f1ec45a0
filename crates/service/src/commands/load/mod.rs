//! `fanfare load`: how much, how fast and at what cost, measured from outside.
//!
//! By default the service measured is a process of its own, started here on
//! temporary data, so that its processor time and memory are its own. Beside
//! each run stands what the database alone can do on the same disk in the same
//! minute: disks differ, ratios less so.
//!
//! | file | does |
//! |---|---|
//! | `measure.rs` | what is measured, in which order |
//! | `driver.rs` | one run: what is sent, and what came of it |
//! | `caller.rs` | sends requests and takes the time |
//! | `exchange.rs` | channels that are called, and the HTTP client alone |
//! | `turns.rs` | says when the next request is due |
//! | `process.rs` | starts the service and reads its counters |
//! | `engines.rs` | the servers that the service uses, and what they count |
//! | `pgbench.rs` | single inserts, by PostgreSQL's own program |
//! | `proc.rs` | what processes cost |
//! | `figures.rs` | what follows from a run |
//! | `report.rs` | shows it |

mod caller;
mod driver;
mod engines;
mod exchange;
mod figures;
mod measure;
mod pgbench;
mod proc;
mod process;
mod report;
mod turns;

use std::path::PathBuf;

use anyhow::Context;

use self::engines::Engines;
use self::exchange::Channels;
use self::measure::Subject;
use self::process::Service;
use super::Common;
use super::failure::Failure;
use super::screen::Screen;
use super::serve::Signals;

/// Runs at most.
const MAX_RUNS: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Callers at once, each with one connection; several numbers are several runs
    #[arg(long, value_delimiter = ',', default_value = "1,16,64", value_parser = clap::value_parser!(u32).range(1..=1000))]
    callers: Vec<u32>,
    /// Length of each run
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Send so many requests a second, however slowly they are answered (open loop)
    ///
    /// Latency counts from the time at which a request was due. Without this
    /// option each caller sends its next request when the last is answered.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Channels of each distribution
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=6))]
    channels: u8,
    /// Slow every commit of the service down, as a slower disk would
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    commit_delay_ms: u16,
    /// Call the channels, over HTTP, at a simulator that this command starts
    #[arg(long)]
    live: bool,
    /// Use the servers of `FANFARE_DATABASE_URL`, `FANFARE_KAFKA_BROKERS` and `FANFARE_REDIS_URL`
    ///
    /// The first must be set. The run has a schema of its own, which is dropped
    /// at its end, and a topic of its own, which stays. Nobody else may use the
    /// servers meanwhile: what they count and cost is taken for the run's.
    #[arg(long)]
    engines: bool,
    /// Measure the running service of this process id (and of --url)
    #[arg(long)]
    pid: Option<u32>,
    /// Keep the data below this directory: choose the disk [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    check(common, args)?;
    let mut signals = Signals::new()?;
    let place = place(args)?;
    let channels = if args.live {
        Some(Channels::start().await?)
    } else {
        None
    };
    let engines = if args.engines {
        Some(Engines::find().await?)
    } else {
        None
    };
    let service = if running(common, args) {
        Service::attach(common, args.pid)?
    } else {
        let mut variables = channels.as_ref().map(Channels::variables).unwrap_or_default();
        variables.extend(engines.iter().flat_map(Engines::variables));
        Service::start(common, place.path(), args.commit_delay_ms, variables).await?
    };
    let subject = Subject {
        service: &service,
        place: place.path(),
        channels: channels.as_ref(),
        engines: engines.as_ref(),
    };
    let measured = tokio::select! {
        measured = subject.measure(args, common.json) => measured,
        name = signals.next() => Err(anyhow::anyhow!("ended by {name}").into()),
    };
    service.stop().await;
    if let Some(engines) = &engines {
        engines.drop_schema().await?;
    }
    let (screen, measured) = (Screen::stdout(), measured?);
    if common.json {
        screen.say(format_args!("{:#}", report::json(&measured)))?;
    } else {
        report::show(screen, &measured)?;
    }
    let clean = measured
        .levels
        .iter()
        .all(|level| level.run.refused() == 0 && level.run.completed() > 0);
    if clean { Ok(()) } else { Err(Failure::NotDone) }
}

/// A service that somebody named, instead of one of our own.
fn running(common: &Common, args: &Args) -> bool {
    common.url.is_some() || args.pid.is_some()
}

fn check(common: &Common, args: &Args) -> Result<(), Failure> {
    if args.callers.len() > MAX_RUNS {
        return Err(Failure::Usage(format!(
            "--callers names {} runs; {MAX_RUNS} are the most",
            args.callers.len()
        )));
    }
    if running(common, args) && (args.live || args.engines) {
        let why = "--live and --engines work on a service started here; a running one uses what it is set to";
        return Err(Failure::Usage(why.to_owned()));
    }
    if running(common, args) && args.commit_delay_ms > 0 {
        let why =
            "--commit-delay-ms works on a service started here; a running one has FANFARE_LEDGER__COMMIT_DELAY_MS";
        return Err(Failure::Usage(why.to_owned()));
    }
    Ok(())
}

fn place(args: &Args) -> Result<tempfile::TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("fanfare-load-");
    let made = match &args.data_dir {
        Some(directory) => std::fs::create_dir_all(directory).and_then(|()| builder.tempdir_in(directory)),
        None => builder.tempdir(),
    };
    Ok(made.context("cannot make a directory for the data")?)
}
