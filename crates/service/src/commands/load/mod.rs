//! `fanfare load`: how much, how fast and at what cost, measured from outside.
//!
//! By default the service measured is a process of its own, started here on
//! temporary data, so that its processor time and memory are its own. Beside
//! each run stands what the database alone can do on the same disk in the same
//! minute: disks differ, ratios less so.
//!
//! | file | does |
//! |---|---|
//! | `driver.rs` | one run: what is sent, and what came of it |
//! | `caller.rs` | sends requests and takes the time |
//! | `exchange.rs` | channels that are called, and the HTTP client alone |
//! | `turns.rs` | says when the next request is due |
//! | `process.rs` | starts the service and reads its cost |
//! | `report.rs` | shows it |

mod caller;
mod driver;
mod exchange;
mod process;
mod report;
mod turns;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fanfare_ledger::bare::{self, Bare};
use tokio::time::Instant;

use self::driver::{Driver, Plan, Run};
use self::exchange::{BareExchange, Channels};
use self::process::{Memory, Service};
use super::Common;
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::serve::Signals;
use crate::clock::{Clock, SystemClock};

/// Before each run, unmeasured.
const WARM_UP: Duration = Duration::from_millis(500);

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
    /// Measure the running service of this process id (and of --url)
    #[arg(long)]
    pid: Option<u32>,
    /// Keep the data below this directory: choose the disk [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// All that was measured.
struct Measured {
    ready_after: Option<Duration>,
    /// Before the first request.
    idle: Option<Memory>,
    /// After the last.
    after: Option<Memory>,
    commit_delay: Duration,
    channels: u8,
    levels: Vec<Level>,
}

/// One run and what stands beside it.
struct Level {
    callers: u32,
    rate: Option<u32>,
    run: Run,
    /// Seconds of processor time of the service.
    cpu: Option<f64>,
    /// Of the service's counters, during the run.
    commits: Option<f64>,
    accepted: Option<f64>,
    bare: Bare,
    /// Of a live run.
    bare_exchange: Option<BareExchange>,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    check(common, args)?;
    let mut signals = Signals::new()?;
    // Where the bare database is measured: the disk of the service's data.
    let place = place(args)?;
    let channels = if args.live {
        Some(Channels::start().await?)
    } else {
        None
    };
    let service = if running(common, args) {
        Service::attach(common, args.pid)?
    } else {
        let variables = channels.as_ref().map(Channels::variables).unwrap_or_default();
        Service::start(common, place.path(), args.commit_delay_ms, variables).await?
    };
    let measured = tokio::select! {
        measured = measure(&service, args, (place.path(), channels.as_ref()), common.json) => measured,
        name = signals.next() => Err(anyhow::anyhow!("ended by {name}").into()),
    };
    service.stop().await;
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
    if running(common, args) && args.live {
        let why = "--live works on a service started here; a running one calls what it is set to";
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

async fn measure(
    service: &Service,
    args: &Args,
    (place, channels): (&Path, Option<&Channels>),
    quiet: bool,
) -> Result<Measured, Failure> {
    let mut driver = Driver::new(service.client().base(), args.channels, args.live)?;
    driver.authorization = service.client().authorization();
    let idle = service.memory();
    let mut levels = Vec::new();
    for (number, callers) in args.callers.iter().enumerate() {
        if !quiet {
            progress(number, args)?;
        }
        let bare = bare(&place.join(format!("bare-{number}")), args.seconds).await?;
        let length = Duration::from_secs(args.seconds.into()) / 2;
        let bare_exchange = match channels {
            Some(channels) => Some(channels.bare(*callers, args.channels, length).await?),
            None => None,
        };
        let level = level(service, &driver, args, *callers, bare).await?;
        levels.push(Level { bare_exchange, ..level });
    }
    Ok(Measured {
        ready_after: service.ready_after(),
        idle,
        after: service.memory(),
        commit_delay: real_delay(args.commit_delay_ms).await,
        channels: args.channels,
        levels,
    })
}

fn progress(number: usize, args: &Args) -> Result<(), Failure> {
    let screen = Screen::stdout();
    let pace = args
        .rate
        .map_or_else(String::new, |rate| format!(" at {rate} a second"));
    let (callers, runs) = (report::callers(args.callers[number]), args.callers.len());
    let line = format!("run {} of {runs}: {callers}{pace}, {} s …", number + 1, args.seconds);
    screen.say(screen.paint(Tone::Faint, line))
}

/// Warms up, then measures one run.
async fn level(service: &Service, driver: &Driver, args: &Args, callers: u32, bare: Bare) -> Result<Level, Failure> {
    let warm_up = Plan {
        callers,
        length: WARM_UP,
        rate: None,
    };
    driver.drive(warm_up).await?;
    let (cpu, counters) = (service.cpu_seconds(), service.counters().await?);
    let length = Duration::from_secs(args.seconds.into());
    let run = driver
        .drive(Plan {
            callers,
            length,
            rate: args.rate,
        })
        .await?;
    let (cpu_after, counters_after) = (service.cpu_seconds(), service.counters().await?);
    let between = |from: Option<f64>, to: Option<f64>| Some(to? - from?);
    Ok(Level {
        callers,
        rate: args.rate,
        run,
        cpu: between(cpu, cpu_after),
        commits: between(counters.commits, counters_after.commits),
        accepted: between(counters.accepted, counters_after.accepted),
        bare,
        bare_exchange: None,
    })
}

/// The database alone; about as long as a fifth of the run.
async fn bare(directory: &Path, seconds: u32) -> Result<Bare, Failure> {
    let (directory, now) = (directory.to_owned(), SystemClock::default().now());
    let (commits, batches) = ((seconds * 100).clamp(100, 500), (seconds * 8).clamp(16, 64));
    let measured = tokio::task::spawn_blocking(move || bare::measure(&directory, now, commits, batches)).await;
    let measured = measured.context("the bare database's measurement ended badly")?;
    Ok(measured.context("the bare database cannot be measured")?)
}

/// How long the artificial delay really is: timers round up.
async fn real_delay(milliseconds: u16) -> Duration {
    if milliseconds == 0 {
        return Duration::ZERO;
    }
    let mut took = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}
