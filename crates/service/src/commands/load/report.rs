//! One table a measurement: a column a run.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Table};
use serde_json::{Value, json};

use super::driver::Run;
use super::{Level, Measured};
use crate::commands::failure::Failure;
use crate::commands::results::{heading, toned};
use crate::commands::screen::{Screen, Tone};

/// Kinds of errors that are named.
const NAMED: usize = 5;

/// What follows from one run.
struct Figures {
    distributions_per_s: f64,
    deliveries_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    cpu_s_per_1000_deliveries: Option<f64>,
    commits_per_distribution: Option<f64>,
    bare_commit_ms: f64,
    bare_commits_per_s: f64,
    bare_distributions_per_s: f64,
    p50_per_bare_commit: f64,
    /// Only where distributions are as large as the bare ones.
    of_bare_distributions: Option<f64>,
    /// Of a live run.
    exchange: Option<ExchangeFigures>,
}

/// What a live run's calls are measured by.
struct ExchangeFigures {
    bare_per_s: f64,
    bare_ms: f64,
    /// Calls a second, by those of the HTTP client alone.
    of_bare: f64,
    /// The median, by three bare commits and two bare exchanges.
    p50_of_allowed: f64,
    /// Of the HTTP client alone.
    cpu_s_per_1000: Option<f64>,
    /// Of the service, for each call, beyond the HTTP client alone.
    cpu_us_beyond: Option<f64>,
}

impl Figures {
    fn of(measured: &Measured, level: &Level) -> Self {
        let (run, bare) = (&level.run, &level.bare);
        let completed = float(run.completed());
        let deliveries = completed * f64::from(measured.channels);
        let seconds = run.elapsed.as_secs_f64();
        // The artificial delay is a property of the disk: the bare database has it too.
        let delay = measured.commit_delay.as_secs_f64();
        let bare_commit = bare.commit_took.as_secs_f64() + delay;
        let bare_took = bare.distributions_took.as_secs_f64() + f64::from(bare.batch_commits) * delay;
        let bare_distributions_per_s = f64::from(bare.distributions) / bare_took;
        let p50_ms = quantile_ms(run, 50);
        let cpu_s_per_1000 = level
            .cpu
            .filter(|_| deliveries > 0.0)
            .map(|cpu| cpu * 1_000.0 / deliveries);
        Self {
            distributions_per_s: completed / seconds,
            deliveries_per_s: deliveries / seconds,
            p50_ms,
            p99_ms: quantile_ms(run, 99),
            max_ms: quantile_ms(run, 100),
            cpu_s_per_1000_deliveries: cpu_s_per_1000,
            commits_per_distribution: level
                .commits
                .zip(level.accepted)
                .filter(|(_, n)| *n > 0.0)
                .map(|(c, n)| c / n),
            bare_commit_ms: bare_commit * 1_000.0,
            bare_commits_per_s: 1.0 / bare_commit,
            bare_distributions_per_s,
            p50_per_bare_commit: p50_ms / (bare_commit * 1_000.0),
            of_bare_distributions: (measured.channels == 6).then_some(completed / seconds / bare_distributions_per_s),
            exchange: level.bare_exchange.map(|exchange| {
                let bare_ms = millis(exchange.took);
                let bare_cpu = exchange.cpu.map(|cpu| cpu * 1_000.0);
                ExchangeFigures {
                    bare_per_s: exchange.per_second,
                    bare_ms,
                    of_bare: deliveries / seconds / exchange.per_second,
                    p50_of_allowed: p50_ms / (3.0 * bare_commit * 1_000.0 + 2.0 * bare_ms),
                    cpu_s_per_1000: bare_cpu,
                    cpu_us_beyond: cpu_s_per_1000.zip(bare_cpu).map(|(all, bare)| (all - bare) * 1_000.0),
                }
            }),
        }
    }
}

pub(super) fn show(screen: Screen, measured: &Measured) -> Result<(), Failure> {
    let figures: Vec<_> = measured
        .levels
        .iter()
        .map(|level| Figures::of(measured, level))
        .collect();
    screen.say(table(screen, measured, &figures))?;
    if let Some(after) = measured.ready_after {
        screen.say(format!("ready {:.0} ms after the start", millis(after)))?;
    }
    if let Some((idle, after)) = measured.idle.zip(measured.after) {
        let mb = |bytes: u64| format!("{:.1} MB", float(bytes) / 1_048_576.0);
        screen.say(format!(
            "resident memory {} idle, {} at the end, {} at its peak",
            mb(idle.now),
            mb(after.now),
            mb(after.peak)
        ))?;
    }
    for level in &measured.levels {
        for (what, count) in level.run.refusals.iter().take(NAMED) {
            let line = format!("{}: {count} × {what}", callers(level.callers));
            screen.say(screen.paint(Tone::Bad, line))?;
        }
    }
    Ok(())
}

/// A row of the table: what it shows, and how it is read from a run's figures.
type Line = (&'static str, fn(&Figures) -> String);

const LINES: [Line; 11] = [
    ("distributions/s", |f| whole(f.distributions_per_s)),
    ("deliveries/s", |f| whole(f.deliveries_per_s)),
    ("latency p50, ms", |f| format!("{:.2}", f.p50_ms)),
    ("latency p99, ms", |f| format!("{:.2}", f.p99_ms)),
    ("latency max, ms", |f| format!("{:.2}", f.max_ms)),
    ("CPU s per 1,000 deliveries", |f| {
        optional(f.cpu_s_per_1000_deliveries, 4)
    }),
    ("commits per distribution", |f| optional(f.commits_per_distribution, 3)),
    ("bare commits/s (1 row)", |f| whole(f.bare_commits_per_s)),
    ("p50 ÷ bare commit", |f| format!("{:.2}", f.p50_per_bare_commit)),
    ("bare distributions/s (512 rows)", |f| whole(f.bare_distributions_per_s)),
    ("distributions/s ÷ bare", |f| optional(f.of_bare_distributions, 2)),
];

/// A row of a live run's own.
type ExchangeLine = (&'static str, fn(&ExchangeFigures) -> String);

const EXCHANGE_LINES: [ExchangeLine; 6] = [
    ("bare exchanges/s", |f| whole(f.bare_per_s)),
    ("deliveries/s ÷ bare exchanges/s", |f| format!("{:.2}", f.of_bare)),
    ("bare exchange p50, ms", |f| format!("{:.2}", f.bare_ms)),
    ("p50 ÷ (3 commits + 2 exchanges)", |f| {
        format!("{:.2}", f.p50_of_allowed)
    }),
    ("CPU s per 1,000 bare exchanges", |f| optional(f.cpu_s_per_1000, 4)),
    ("CPU µs per call beyond the bare one", |f| optional(f.cpu_us_beyond, 1)),
];

fn table(screen: Screen, measured: &Measured, figures: &[Figures]) -> Table {
    let levels = &measured.levels;
    let mut table = screen.table();
    let heads = levels.iter().map(|level| heading(&callers(level.callers)));
    table.set_header([Cell::new("")].into_iter().chain(heads));
    if let Some(rate) = levels.first().and_then(|level| level.rate) {
        table.add_row(
            [Cell::new("asked for, distributions/s")]
                .into_iter()
                .chain(levels.iter().map(|_| Cell::new(rate))),
        );
    }
    for (label, value) in LINES {
        table.add_row(
            [Cell::new(label)]
                .into_iter()
                .chain(figures.iter().map(|figures| Cell::new(value(figures)))),
        );
    }
    if figures.iter().any(|figures| figures.exchange.is_some()) {
        for (label, value) in EXCHANGE_LINES {
            let values = figures
                .iter()
                .map(|figures| figures.exchange.as_ref().map_or_else(String::new, value));
            table.add_row([Cell::new(label)].into_iter().chain(values.map(Cell::new)));
        }
    }
    table.add_row(
        [Cell::new("errors, still open")]
            .into_iter()
            .chain(levels.iter().map(|level| errors(&level.run))),
    );
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

pub(super) fn callers(count: u32) -> String {
    if count == 1 {
        "1 caller".to_owned()
    } else {
        format!("{count} callers")
    }
}

fn errors(run: &Run) -> Cell {
    let said = format!("{}, {}", run.refused(), run.open);
    let clean = run.refused() + run.open == 0;
    toned(&said, if clean { Tone::Good } else { Tone::Bad })
}

/// All of it for programs.
pub(super) fn json(measured: &Measured) -> Value {
    let level = |level: &Level| {
        let f = Figures::of(measured, level);
        json!({
            "callers": level.callers, "rate": level.rate, "seconds": level.run.elapsed.as_secs_f64(),
            "completed": level.run.completed(), "accepted": level.accepted, "open": level.run.open,
            "errors": level.run.refused(), "errorKinds": level.run.refusals,
            "distributionsPerSecond": f.distributions_per_s, "deliveriesPerSecond": f.deliveries_per_s,
            "latencyMs": { "p50": f.p50_ms, "p99": f.p99_ms, "max": f.max_ms },
            "cpuSecondsPer1000Deliveries": f.cpu_s_per_1000_deliveries,
            "commitsPerDistribution": f.commits_per_distribution,
            "bare": {
                "commitMs": f.bare_commit_ms, "commitsPerSecond": f.bare_commits_per_s,
                "distributionsPerSecond": f.bare_distributions_per_s,
            },
            "exchange": f.exchange.map(|exchange| json!({
                "barePerSecond": exchange.bare_per_s, "bareMs": exchange.bare_ms,
                "ofBare": exchange.of_bare, "p50OfAllowed": exchange.p50_of_allowed,
                "cpuSecondsPer1000": exchange.cpu_s_per_1000, "cpuMicrosBeyond": exchange.cpu_us_beyond,
            })),
            "p50PerBareCommit": f.p50_per_bare_commit, "ofBareDistributions": f.of_bare_distributions,
        })
    };
    json!({
        "channels": measured.channels,
        "commitDelayMs": millis(measured.commit_delay),
        "readyAfterMs": measured.ready_after.map(millis),
        "residentBytes": {
            "idle": measured.idle.map(|memory| memory.now),
            "after": measured.after.map(|memory| memory.now),
            "peak": measured.after.map(|memory| memory.peak),
        },
        "runs": measured.levels.iter().map(level).collect::<Vec<_>>(),
    })
}

/// The nearest rank; 0 where nothing was completed.
fn quantile_ms(run: &Run, percent: usize) -> f64 {
    let rank = (run.latencies.len() * percent).div_ceil(100).max(1) - 1;
    run.latencies.get(rank).copied().map_or(0.0, millis)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// With a comma between the thousands.
fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes here are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let run = Run {
            latencies: (1..=200).map(Duration::from_millis).collect(),
            ..Run::default()
        };
        let quantiles = [50, 99, 100].map(|percent| whole(quantile_ms(&run, percent)));
        assert_eq!(quantiles, ["100", "198", "200"]);
        assert_eq!(whole(quantile_ms(&Run::default(), 99)), "0");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0.4, 999.0, 1_000.0, 1_234_567.0].map(whole),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
