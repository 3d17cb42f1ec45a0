//! The servers of a run: the `PostgreSQL`, Kafka and Redis that this shell's
//! variables name. The run has a schema and a topic of its own; the schema is
//! dropped at its end, the topic and the keys in Redis (for their hour) stay.
//!
//! URLs are secrets, so there are no options for them. What the servers' own
//! processes cost is seen only where they run on this machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use fanfare_ledger::bare::{self, Bare};
use fanfare_ledger::{PostgresCounters, PostgresMeter, PostgresSettings};
use jiff::Timestamp;
use tokio::time::Instant;
use url::{Host, Url};

use super::proc;
use crate::commands::failure::Failure;

/// How long the relay may take to publish what a run has left.
const PATIENCE: Duration = Duration::from_mins(2);

/// Between two looks whether it has.
const LOOK: Duration = Duration::from_millis(50);

/// The servers, as this run uses them.
pub(super) struct Engines {
    database_url: String,
    kafka: Option<String>,
    redis: Option<String>,
    schema: String,
    /// In the service's schema.
    meter: PostgresMeter,
    /// Processes of which each may have children.
    processes: Vec<(&'static str, Option<u32>)>,
}

/// What had been counted, and spent, at one moment.
pub(super) struct Costs {
    counters: PostgresCounters,
    /// Seconds of processor time.
    cpu: Vec<(&'static str, Option<f64>)>,
}

/// What was counted, and spent, between two moments.
#[derive(Debug)]
pub(super) struct Spent {
    pub(super) transactions: i64,
    pub(super) wal_bytes: i64,
    pub(super) statements: Option<i64>,
    pub(super) full_pages: Option<i64>,
    /// Seconds of processor time.
    pub(super) cpu: Vec<(&'static str, Option<f64>)>,
}

impl Engines {
    /// Those that the variables name.
    pub(super) async fn find() -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let Some(database_url) = variable("FANFARE_DATABASE_URL") else {
            let why = "--engines needs FANFARE_DATABASE_URL, and uses FANFARE_KAFKA_BROKERS and FANFARE_REDIS_URL";
            return Err(Failure::Usage(why.to_owned()));
        };
        let (kafka, redis) = (variable("FANFARE_KAFKA_BROKERS"), variable("FANFARE_REDIS_URL"));
        let schema = format!("fanfare_load_{}", std::process::id());
        let meter = PostgresMeter::connect(&settings(&database_url, &schema)).await;
        let brokers = kafka.as_ref().map(|brokers| format!("kafka://{brokers}"));
        let of = |url: Option<&String>, usual| url.and_then(|url| port_here(url, usual)).and_then(proc::listener);
        let processes = vec![
            ("PostgreSQL", of(Some(&database_url), 5432)),
            ("Kafka", of(brokers.as_ref(), 9092)),
            ("Redis", of(redis.as_ref(), 6379)),
        ];
        Ok(Self {
            meter: meter.context("the database cannot be measured")?,
            database_url,
            kafka,
            redis,
            schema,
            processes,
        })
    }

    /// What the service is told, so that it uses them.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("FANFARE_DATABASE_URL", self.database_url.clone()),
            ("FANFARE_DATABASE__SCHEMA", self.schema.clone()),
        ];
        if let Some(brokers) = &self.kafka {
            variables.push(("FANFARE_KAFKA_BROKERS", brokers.clone()));
            variables.push(("FANFARE_KAFKA__TOPIC", self.schema.replace('_', "-")));
        }
        variables.extend(self.redis.clone().map(|url| ("FANFARE_REDIS_URL", url)));
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// So that a run meets each page as it is some time after a checkpoint.
    pub(super) async fn checkpoint(&self) {
        self.meter.checkpoint().await;
    }

    pub(super) async fn costs(&self) -> Result<Costs, Failure> {
        let counters = self.meter.counters().await.context("the database cannot be measured")?;
        let mut cpu: Vec<_> = self
            .processes
            .iter()
            .map(|(name, pid)| (*name, pid.and_then(proc::tree_cpu_seconds)))
            .collect();
        let (own, simulator) = (
            proc::own_cpu_seconds(),
            proc::thread_cpu_seconds(super::exchange::THREAD),
        );
        cpu.push(("simulated channels", simulator));
        cpu.push(("this command", own.map(|own| own - simulator.unwrap_or_default())));
        Ok(Costs { counters, cpu })
    }

    /// Waits until all that was accepted is published: it belongs to the cost.
    pub(super) async fn settle(&self) -> Result<Duration, Failure> {
        let began = Instant::now();
        while self.kafka.is_some() {
            let left = self.meter.unpublished().await.context("the outbox cannot be counted")?;
            if left == 0 {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(anyhow!("{left} events were not published within {} s", PATIENCE.as_secs()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(began.elapsed())
    }

    /// The database alone, in a schema that is gone afterwards; and `pgbench`
    /// with so many clients, as single inserts a second, where it is installed.
    pub(super) async fn bare(
        &self,
        now: Timestamp,
        counts: (u32, u32),
        (clients, directory): (u32, &Path),
    ) -> Result<(Bare, Option<f64>), Failure> {
        let settings = settings(&self.database_url, &format!("{}_bare", self.schema));
        let measured = async {
            let meter = PostgresMeter::connect(&settings).await?;
            let bare = bare::measure_server(&meter, &settings, now, counts).await;
            let inserts =
                super::pgbench::inserts(&self.database_url, &meter.bare_statement(), clients, directory).await;
            meter.drop_schema().await?;
            bare.map(|bare| (bare, inserts))
        };
        Ok(measured.await.context("the bare database cannot be measured")?)
    }

    pub(super) async fn drop_schema(&self) -> Result<(), Failure> {
        Ok(self
            .meter
            .drop_schema()
            .await
            .context("the run's schema was not dropped")?)
    }
}

impl Costs {
    /// From an earlier moment to this one.
    pub(super) fn since(&self, before: &Self) -> Spent {
        let (now, then) = (&self.counters, &before.counters);
        let statements = now.statements.zip(then.statements);
        let cpu = self.cpu.iter().zip(&before.cpu);
        Spent {
            transactions: now.transactions - then.transactions,
            wal_bytes: now.wal_bytes - then.wal_bytes,
            statements: statements.map(|(now, then)| now.calls - then.calls),
            full_pages: statements.map(|(now, then)| now.full_pages - then.full_pages),
            cpu: cpu
                .map(|((name, now), (_, then))| (*name, now.zip(*then).map(|(now, then)| now - then)))
                .collect(),
        }
    }
}

fn settings(url: &str, schema: &str) -> PostgresSettings {
    let mut settings = PostgresSettings::new(url);
    schema.clone_into(&mut settings.schema);
    settings
}

/// The port, where the URL means this machine.
fn port_here(url: &str, usual: u16) -> Option<u16> {
    let url = Url::parse(url).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost" || name.starts_with("127."),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    here.then(|| url.port().unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_here_is_looked_for() {
        for (url, port) in [
            ("postgres://u:p@127.0.0.1:7/d", Some(7)),
            ("postgresql://u@localhost/d", Some(1)),
            ("kafka://127.0.0.1:9,127.0.0.1:10", None),
            ("kafka://127.0.0.1:9", Some(9)),
            ("redis://[::1]:8", Some(8)),
            ("redis://cache.example:8", None),
        ] {
            assert_eq!(port_here(url, 1), port, "{url}");
        }
    }
}
