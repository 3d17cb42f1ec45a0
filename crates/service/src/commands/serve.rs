//! `fanfare serve`: runs the service until it is told to stop.

use std::io::IsTerminal;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::failure::Failure;
use super::screen::Screen;
use super::{Common, config};
use crate::app;

/// What the ready line says before the address; `load` reads it.
pub(super) const READY: &str = "fanfare is ready on ";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[arg(
        long,
        value_enum,
        default_value_t,
        help = "How the log is written; FANFARE_LOG says how much [default: info]"
    )]
    log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

pub(super) async fn run(common: &Common, args: &Args) -> Result<(), Failure> {
    let config = config::load(common)?;
    log_to_stderr(args.log_format, LevelFilter::INFO)?;
    // Before the start, so that a signal during it is not lost.
    let mut signals = Signals::new()?;
    // It may wait for its database.
    let app = tokio::select! {
        app = app::start(&config) => app?,
        name = signals.next() => {
            tracing::info!(signal = name, "ended before it had started");
            return Ok(());
        }
    };
    Screen::stdout().say(format!("{READY}http://{}", app.address))?;
    let name = signals.next().await;
    tracing::info!(
        signal = name,
        "stopping: finishing what moves; a second signal ends at once"
    );
    tokio::select! {
        () = app.stop() => Ok(()),
        name = signals.next() => {
            Err(anyhow::anyhow!("ended by a second {name} before all that moved had come to rest").into())
        }
    }
}

/// The signals that ask for a stop.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Sends the log to stderr, filtered by `FANFARE_LOG`.
pub(super) fn log_to_stderr(format: LogFormat, default: LevelFilter) -> Result<(), Failure> {
    let filter = log_filter(std::env::var("FANFARE_LOG").ok().as_deref(), default)?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_ansi(colour).with_writer(std::io::stderr);
    let subscriber = tracing_subscriber::registry().with(filter);
    let installed = match format {
        LogFormat::Text => subscriber.with(lines).try_init(),
        LogFormat::Json => subscriber.with(lines.json()).try_init(),
    };
    Ok(installed
        .map_err(|error| anyhow::anyhow!(error))
        .context("the log cannot be set up")?)
}

/// Which lines are written: `info`, or `info,fanfare::attempt=warn`. What is not
/// understood is refused, not passed over.
fn log_filter(asked: Option<&str>, default: LevelFilter) -> Result<Targets, Failure> {
    let asked = asked.unwrap_or_default();
    let mut parts = asked.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.try_fold(Targets::new().with_default(default), |filter, part| {
        let (target, level) = part.split_once('=').unwrap_or(("", part));
        let is_target = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
        let named = target.is_empty() != part.contains('=') && target.chars().all(is_target);
        let level = level.parse::<LevelFilter>().ok().filter(|_| named && !level.is_empty());
        let level = level.ok_or_else(|| {
            Failure::Usage(format!(
                "FANFARE_LOG is no filter: {part:?} is neither a level (off, error, warn, info, debug, trace) nor \
                 target=level. Example: FANFARE_LOG=info,fanfare=debug"
            ))
        })?;
        Ok(match target {
            "" => filter.with_default(level),
            target => filter.with_target(target, level),
        })
    })
}
