//! The measuring itself: for each number of callers what is bare first, then
//! the run, between two readings of what everything has cost so far.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fanfare_ledger::bare::{self, Bare};
use tokio::time::Instant;

use super::Args;
use super::driver::{Driver, Plan, Run};
use super::engines::{Costs, Engines, Spent};
use super::exchange::{BareExchange, Channels};
use super::proc::Memory;
use super::process::{Counters, Service};
use super::report;
use crate::clock::{Clock, SystemClock};
use crate::commands::failure::Failure;
use crate::commands::screen::{Screen, Tone};

/// Before each run, unmeasured.
const WARM_UP: Duration = Duration::from_millis(500);

/// What is measured, and where.
pub(super) struct Subject<'a> {
    pub(super) service: &'a Service,
    /// For the bare database: the disk of the service's data.
    pub(super) place: &'a Path,
    /// Of a live run.
    pub(super) channels: Option<&'a Channels>,
    /// Where the service uses servers.
    pub(super) engines: Option<&'a Engines>,
}

/// All that was measured.
pub(super) struct Measured {
    pub(super) ready_after: Option<Duration>,
    /// Before the first request.
    pub(super) idle: Option<Memory>,
    /// After the last.
    pub(super) after: Option<Memory>,
    pub(super) commit_delay: Duration,
    pub(super) channels: u8,
    pub(super) levels: Vec<Level>,
}

/// One run and what stands beside it.
pub(super) struct Level {
    pub(super) callers: u32,
    pub(super) rate: Option<u32>,
    pub(super) run: Run,
    /// Seconds of processor time of the service.
    pub(super) cpu: Option<f64>,
    /// Of the service's counters, during the run.
    pub(super) commits: Option<f64>,
    pub(super) changes: Option<f64>,
    pub(super) accepted: Option<f64>,
    pub(super) bare: Bare,
    /// Of a live run.
    pub(super) bare_exchange: Option<BareExchange>,
    /// Where the service uses servers.
    pub(super) servers: Option<Servers>,
}

/// What a run cost the servers.
pub(super) struct Servers {
    pub(super) spent: Spent,
    /// From the last answer until all was published.
    pub(super) published_after: Duration,
    /// Single inserts a second, by `pgbench`.
    pub(super) pgbench: Option<f64>,
}

/// What had been spent at one moment.
struct Reading {
    cpu: Option<f64>,
    counters: Counters,
    servers: Option<Costs>,
}

impl Subject<'_> {
    pub(super) async fn measure(&self, args: &Args, quiet: bool) -> Result<Measured, Failure> {
        let mut driver = Driver::new(self.service.client().base(), args.channels, args.live)?;
        driver.authorization = self.service.client().authorization();
        let idle = self.service.memory();
        let mut levels = Vec::new();
        for number in 0..args.callers.len() {
            if !quiet {
                progress(number, args)?;
            }
            levels.push(self.level(&driver, args, number).await?);
        }
        Ok(Measured {
            ready_after: self.service.ready_after(),
            idle,
            after: self.service.memory(),
            commit_delay: real_delay(args.commit_delay_ms).await,
            channels: args.channels,
            levels,
        })
    }

    /// Warms up, then measures one run.
    async fn level(&self, driver: &Driver, args: &Args, number: usize) -> Result<Level, Failure> {
        let callers = args.callers[number];
        let (bare, pgbench) = self.bare(args, number).await?;
        let length = Duration::from_secs(args.seconds.into());
        let bare_exchange = match self.channels {
            Some(channels) => Some(channels.bare(callers, args.channels, length / 2).await?),
            None => None,
        };
        self.warm_up(driver, callers).await?;
        let before = self.read().await?;
        let plan = Plan {
            callers,
            length,
            rate: args.rate,
        };
        let run = driver.drive(plan).await?;
        let published_after = self.settle().await?;
        let after = self.read().await?;
        let between = |from: Option<f64>, to: Option<f64>| Some(to? - from?);
        let servers = after.servers.zip(before.servers).map(|(after, before)| Servers {
            spent: after.since(&before),
            published_after,
            pgbench,
        });
        Ok(Level {
            callers,
            rate: args.rate,
            run,
            cpu: between(before.cpu, after.cpu),
            commits: between(before.counters.commits, after.counters.commits),
            changes: between(before.counters.changes, after.counters.changes),
            accepted: between(before.counters.accepted, after.counters.accepted),
            bare,
            bare_exchange,
            servers,
        })
    }

    async fn warm_up(&self, driver: &Driver, callers: u32) -> Result<(), Failure> {
        if let Some(engines) = self.engines {
            engines.checkpoint().await;
        }
        let plan = Plan {
            callers,
            length: WARM_UP,
            rate: None,
        };
        driver.drive(plan).await?;
        self.settle().await.map(drop)
    }

    async fn settle(&self) -> Result<Duration, Failure> {
        match self.engines {
            Some(engines) => engines.settle().await,
            None => Ok(Duration::ZERO),
        }
    }

    async fn read(&self) -> Result<Reading, Failure> {
        let servers = match self.engines {
            Some(engines) => Some(engines.costs().await?),
            None => None,
        };
        Ok(Reading {
            cpu: self.service.cpu_seconds(),
            counters: self.service.counters().await?,
            servers,
        })
    }

    /// The database alone; about as long as a fifth of the run.
    async fn bare(&self, args: &Args, number: usize) -> Result<(Bare, Option<f64>), Failure> {
        let now = SystemClock::default().now();
        let commits = (args.seconds * 100).clamp(100, 500);
        let batches = (args.seconds * 8).clamp(16, 64);
        if let Some(engines) = self.engines {
            let clients = (args.callers[number], self.place);
            return engines.bare(now, (commits, batches), clients).await;
        }
        let directory = self.place.join(format!("bare-{number}"));
        let measured = tokio::task::spawn_blocking(move || bare::measure(&directory, now, commits, batches)).await;
        let measured = measured.context("the bare database's measurement ended badly")?;
        Ok((measured.context("the bare database cannot be measured")?, None))
    }
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
