//! What follows from what was measured in one run.

use std::time::Duration;

use super::driver::Run;
use super::measure::{Level, Measured, Servers};

/// What follows from one run.
pub(super) struct Figures {
    pub(super) distributions_per_s: f64,
    pub(super) deliveries_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    pub(super) cpu_s_per_1000_deliveries: Option<f64>,
    pub(super) commits_per_distribution: Option<f64>,
    /// Rows are written anew with each: two, where all outcomes come together.
    pub(super) changes_per_distribution: Option<f64>,
    pub(super) bare_commit_ms: f64,
    pub(super) bare_commit_p99_ms: f64,
    pub(super) bare_commits_per_s: f64,
    pub(super) bare_distributions_per_s: f64,
    pub(super) p50_per_bare_commit: f64,
    /// Only where distributions are as large as the bare ones.
    pub(super) of_bare_distributions: Option<f64>,
    /// Of a live run.
    pub(super) exchange: Option<ExchangeFigures>,
    /// Where the service uses servers.
    pub(super) servers: Option<ServerFigures>,
}

/// What a live run's calls are measured by.
pub(super) struct ExchangeFigures {
    pub(super) bare_per_s: f64,
    pub(super) bare_ms: f64,
    pub(super) bare_p99_ms: f64,
    /// Calls a second, by those of the HTTP client alone.
    pub(super) of_bare: f64,
    /// The median, by three bare commits and two bare exchanges.
    pub(super) p50_of_allowed: f64,
    /// The p99, by four bare commits' and one bare exchange's.
    pub(super) p99_of_allowed: f64,
    /// Of the HTTP client alone.
    pub(super) cpu_s_per_1000: Option<f64>,
    /// Of the service, for each call, beyond the HTTP client alone.
    pub(super) cpu_us_beyond: Option<f64>,
}

/// What a run asked of the servers.
pub(super) struct ServerFigures {
    pub(super) transactions_per_distribution: f64,
    pub(super) statements_per_distribution: Option<f64>,
    pub(super) wal_kb_per_distribution: f64,
    pub(super) full_pages_per_distribution: Option<f64>,
    /// Seconds per 1,000 deliveries, of each process beside the service.
    pub(super) cpu: Vec<(&'static str, Option<f64>)>,
    /// Of the service and all of these.
    pub(super) cpu_of_all: Option<f64>,
    pub(super) published_after_ms: f64,
    pub(super) pgbench_inserts_per_s: Option<f64>,
}

impl Figures {
    pub(super) fn of(measured: &Measured, level: &Level) -> Self {
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
        let cpu = level.cpu.filter(|_| deliveries > 0.0);
        let cpu = cpu.map(|cpu| cpu * 1_000.0 / deliveries);
        Self {
            distributions_per_s: completed / seconds,
            deliveries_per_s: deliveries / seconds,
            p50_ms,
            p99_ms: quantile_ms(run, 99),
            max_ms: quantile_ms(run, 100),
            cpu_s_per_1000_deliveries: cpu,
            commits_per_distribution: level.per_accepted(level.commits),
            changes_per_distribution: level.per_accepted(level.changes),
            bare_commit_ms: bare_commit * 1_000.0,
            bare_commit_p99_ms: millis(bare.commit_p99) + delay * 1_000.0,
            bare_commits_per_s: 1.0 / bare_commit,
            bare_distributions_per_s,
            p50_per_bare_commit: p50_ms / (bare_commit * 1_000.0),
            of_bare_distributions: (measured.channels == 6).then_some(completed / seconds / bare_distributions_per_s),
            exchange: ExchangeFigures::of(measured, level, cpu),
            servers: level
                .servers
                .as_ref()
                .filter(|_| deliveries > 0.0)
                .map(|servers| ServerFigures::of(servers, completed, deliveries, cpu)),
        }
    }
}

impl Level {
    fn per_accepted(&self, count: Option<f64>) -> Option<f64> {
        let accepted = self.accepted.filter(|accepted| *accepted > 0.0)?;
        count.map(|count| count / accepted)
    }
}

impl ExchangeFigures {
    fn of(measured: &Measured, level: &Level, service: Option<f64>) -> Option<Self> {
        let exchange = level.bare_exchange?;
        let (run, delay) = (&level.run, measured.commit_delay);
        let deliveries = float(run.completed()) * f64::from(measured.channels);
        let commit = millis(level.bare.commit_took + delay);
        let commit_p99 = millis(level.bare.commit_p99 + delay);
        let bare_cpu = exchange.cpu.map(|cpu| cpu * 1_000.0);
        let (bare_ms, bare_p99_ms) = (millis(exchange.took), millis(exchange.p99));
        Some(Self {
            bare_per_s: exchange.per_second,
            bare_ms,
            bare_p99_ms,
            of_bare: deliveries / run.elapsed.as_secs_f64() / exchange.per_second,
            p50_of_allowed: quantile_ms(run, 50) / (3.0 * commit + 2.0 * bare_ms),
            p99_of_allowed: quantile_ms(run, 99) / (4.0 * commit_p99 + bare_p99_ms),
            cpu_s_per_1000: bare_cpu,
            cpu_us_beyond: service.zip(bare_cpu).map(|(all, bare)| (all - bare) * 1_000.0),
        })
    }
}

impl ServerFigures {
    fn of(servers: &Servers, distributions: f64, deliveries: f64, service: Option<f64>) -> Self {
        let spent = &servers.spent;
        let per_distribution = |count: i64| float(count.unsigned_abs()) / distributions;
        let cpu: Vec<_> = spent
            .cpu
            .iter()
            .map(|(name, cpu)| (*name, cpu.map(|cpu| cpu * 1_000.0 / deliveries)))
            .collect();
        let others: f64 = cpu.iter().filter_map(|(_, cpu)| *cpu).sum();
        Self {
            transactions_per_distribution: per_distribution(spent.transactions),
            statements_per_distribution: spent.statements.map(per_distribution),
            wal_kb_per_distribution: per_distribution(spent.wal_bytes) / 1_000.0,
            full_pages_per_distribution: spent.full_pages.map(per_distribution),
            cpu,
            cpu_of_all: service.map(|service| service + others),
            published_after_ms: millis(servers.published_after),
            pgbench_inserts_per_s: servers.pgbench,
        }
    }
}

/// The nearest rank; 0 where nothing was completed.
fn quantile_ms(run: &Run, percent: usize) -> f64 {
    let rank = (run.latencies.len() * percent).div_ceil(100).max(1) - 1;
    run.latencies.get(rank).copied().map_or(0.0, millis)
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes here are far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::load::engines::Spent;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let run = Run {
            latencies: (1..=200).map(Duration::from_millis).collect(),
            ..Run::default()
        };
        let quantiles = [50, 99, 100].map(|percent| format!("{:.0}", quantile_ms(&run, percent)));
        assert_eq!(quantiles, ["100", "198", "200"]);
        assert_eq!(quantile_ms(&Run::default(), 99).to_string(), "0");
    }

    #[test]
    fn what_the_servers_spent_is_divided_by_what_was_done() {
        let servers = Servers {
            spent: Spent {
                transactions: 20,
                wal_bytes: 650_000,
                statements: Some(300),
                full_pages: None,
                cpu: vec![("PostgreSQL", Some(0.06)), ("Kafka", None)],
            },
            published_after: Duration::from_millis(7),
            pgbench: None,
        };
        let figures = ServerFigures::of(&servers, 100.0, 600.0, Some(0.05));
        let of = |value: f64| format!("{value:.3}");
        assert_eq!(of(figures.transactions_per_distribution), "0.200");
        assert_eq!(of(figures.wal_kb_per_distribution), "6.500");
        assert_eq!(figures.statements_per_distribution.map(of).as_deref(), Some("3.000"));
        assert_eq!(figures.cpu[0].1.map(of).as_deref(), Some("0.100"));
        assert_eq!(figures.cpu_of_all.map(of).as_deref(), Some("0.150"));
    }
}
