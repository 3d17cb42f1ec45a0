//! One table a measurement: a column a run.

use comfy_table::{Cell, CellAlignment, Table};
use serde_json::{Map, Value, json};

use super::driver::Run;
use super::figures::{ExchangeFigures, Figures, ServerFigures, float, millis};
use super::measure::{Level, Measured};
use crate::commands::failure::Failure;
use crate::commands::results::{heading, toned};
use crate::commands::screen::{Screen, Tone};

/// Kinds of errors that are named.
const NAMED: usize = 5;

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
type Line<T> = (&'static str, fn(&T) -> String);

const LINES: [Line<Figures>; 13] = [
    ("distributions/s", |f| whole(f.distributions_per_s)),
    ("deliveries/s", |f| whole(f.deliveries_per_s)),
    ("latency p50, ms", |f| format!("{:.2}", f.p50_ms)),
    ("latency p99, ms", |f| format!("{:.2}", f.p99_ms)),
    ("latency max, ms", |f| format!("{:.2}", f.max_ms)),
    ("CPU s per 1,000 deliveries, service", |f| {
        optional(f.cpu_s_per_1000_deliveries, 4)
    }),
    ("commits per distribution", |f| optional(f.commits_per_distribution, 3)),
    ("changes per distribution", |f| optional(f.changes_per_distribution, 2)),
    ("bare commits/s (1 row)", |f| whole(f.bare_commits_per_s)),
    ("bare commit p99, ms", |f| format!("{:.2}", f.bare_commit_p99_ms)),
    ("p50 ÷ bare commit", |f| format!("{:.2}", f.p50_per_bare_commit)),
    ("bare distributions/s (512 rows)", |f| whole(f.bare_distributions_per_s)),
    ("distributions/s ÷ bare", |f| optional(f.of_bare_distributions, 2)),
];

/// Of a live run.
const EXCHANGE_LINES: [Line<ExchangeFigures>; 8] = [
    ("bare exchanges/s", |f| whole(f.bare_per_s)),
    ("deliveries/s ÷ bare exchanges/s", |f| format!("{:.2}", f.of_bare)),
    ("bare exchange p50, ms", |f| format!("{:.2}", f.bare_ms)),
    ("bare exchange p99, ms", |f| format!("{:.2}", f.bare_p99_ms)),
    ("p50 ÷ (3 commits + 2 exchanges)", |f| {
        format!("{:.2}", f.p50_of_allowed)
    }),
    ("p99 ÷ (4 commits' p99 + 1 exchange's)", |f| {
        format!("{:.2}", f.p99_of_allowed)
    }),
    ("CPU s per 1,000 bare exchanges", |f| optional(f.cpu_s_per_1000, 4)),
    ("CPU µs per call beyond the bare one", |f| optional(f.cpu_us_beyond, 1)),
];

/// Of a run with servers.
const SERVER_LINES: [Line<ServerFigures>; 7] = [
    ("CPU s per 1,000 deliveries, all of these", |f| {
        optional(f.cpu_of_all, 4)
    }),
    ("statements per distribution", |f| {
        optional(f.statements_per_distribution, 2)
    }),
    ("transactions that write, per distribution", |f| {
        format!("{:.3}", f.transactions_per_distribution)
    }),
    ("WAL per distribution, kB", |f| {
        format!("{:.2}", f.wal_kb_per_distribution)
    }),
    ("whole pages in it, per distribution", |f| {
        optional(f.full_pages_per_distribution, 3)
    }),
    ("all published after the last answer, ms", |f| {
        whole(f.published_after_ms)
    }),
    ("pgbench, single inserts/s", |f| {
        f.pgbench_inserts_per_s.map_or_else(|| "–".to_owned(), whole)
    }),
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
    of_part(&mut table, figures, &EXCHANGE_LINES, |figures| {
        figures.exchange.as_ref()
    });
    cpu_of_servers(&mut table, figures);
    of_part(&mut table, figures, &SERVER_LINES, |figures| figures.servers.as_ref());
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

/// Rows that only some kinds of runs have.
fn of_part<T>(table: &mut Table, figures: &[Figures], lines: &[Line<T>], part: fn(&Figures) -> Option<&T>) {
    if figures.iter().all(|figures| part(figures).is_none()) {
        return;
    }
    for (label, value) in lines {
        let values = figures
            .iter()
            .map(|figures| part(figures).map_or_else(String::new, value));
        table.add_row([Cell::new(label)].into_iter().chain(values.map(Cell::new)));
    }
}

/// A row for each process.
fn cpu_of_servers(table: &mut Table, figures: &[Figures]) {
    let parts: Vec<_> = figures.iter().filter_map(|figures| figures.servers.as_ref()).collect();
    let names = parts.first().map_or(&[][..], |part| &part.cpu);
    for (place, (name, _)) in names.iter().enumerate() {
        let values = parts
            .iter()
            .map(|part| optional(part.cpu.get(place).and_then(|(_, cpu)| *cpu), 4));
        let label = format!("CPU s per 1,000 deliveries, {name}");
        table.add_row([Cell::new(label)].into_iter().chain(values.map(Cell::new)));
    }
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
            "changesPerDistribution": f.changes_per_distribution,
            "bare": {
                "commitMs": f.bare_commit_ms, "commitP99Ms": f.bare_commit_p99_ms, "commitsPerSecond": f.bare_commits_per_s,
                "distributionsPerSecond": f.bare_distributions_per_s,
            },
            "exchange": f.exchange.map(|exchange| json!({
                "barePerSecond": exchange.bare_per_s, "bareMs": exchange.bare_ms, "bareP99Ms": exchange.bare_p99_ms,
                "ofBare": exchange.of_bare, "p50OfAllowed": exchange.p50_of_allowed,
                "p99OfAllowed": exchange.p99_of_allowed,
                "cpuSecondsPer1000": exchange.cpu_s_per_1000, "cpuMicrosBeyond": exchange.cpu_us_beyond,
            })),
            "servers": f.servers.as_ref().map(servers),
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

fn servers(f: &ServerFigures) -> Value {
    let cpu: Map<String, Value> = f
        .cpu
        .iter()
        .map(|(name, cpu)| ((*name).to_owned(), json!(cpu)))
        .collect();
    json!({
        "cpuSecondsPer1000Deliveries": { "each": cpu, "all": f.cpu_of_all },
        "statementsPerDistribution": f.statements_per_distribution,
        "transactionsPerDistribution": f.transactions_per_distribution,
        "walKbPerDistribution": f.wal_kb_per_distribution,
        "fullPagesPerDistribution": f.full_pages_per_distribution,
        "publishedAfterMs": f.published_after_ms,
        "pgbenchInsertsPerSecond": f.pgbench_inserts_per_s,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0.4, 999.0, 1_000.0, 1_234_567.0].map(whole),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
