//! The service that is measured: started here, or running already; and what its
//! own counters say.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

use super::proc::{self, Memory};
use crate::commands::Common;
use crate::commands::client::Client;
use crate::commands::failure::Failure;
use crate::commands::serve::READY;
use crate::telemetry;

/// A start that takes longer has failed.
const START: Duration = Duration::from_secs(30);

/// The service.
pub(super) struct Service {
    client: Client,
    pid: Option<u32>,
    own: Option<Own>,
}

/// A service of our own; killed when it goes, for its data are gone with it.
struct Own {
    child: Child,
    ready_after: Duration,
    /// Held open, so that the service may write to it.
    _stdout: Lines<BufReader<ChildStdout>>,
}

/// The service's own counters; `None` where it has none of that name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    pub(super) commits: Option<f64>,
    pub(super) changes: Option<f64>,
    pub(super) accepted: Option<f64>,
}

impl Service {
    /// One that runs already.
    pub(super) fn attach(common: &Common, pid: Option<u32>) -> Result<Self, Failure> {
        Ok(Self {
            client: common.client()?,
            pid,
            own: None,
        })
    }

    /// This program's `serve` as another process, on a free port.
    pub(super) async fn start(
        common: &Common,
        directory: &Path,
        commit_delay_ms: u16,
        variables: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let mut command = Command::new(program);
        command
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // What this shell is set to must not be measured by accident.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FANFARE_")) {
            command.env_remove(name);
        }
        if let Some(file) = &common.config {
            command.arg("--config").arg(file);
        }
        command.env("FANFARE_LOG", "warn").env("FANFARE_LISTEN", "127.0.0.1:0");
        command.env("FANFARE_DATA_DIR", directory.join("data"));
        command.env("FANFARE_LEDGER__COMMIT_DELAY_MS", commit_delay_ms.to_string());
        command.envs(variables);
        let begun = Instant::now();
        let mut child = command.spawn().context("cannot start the service")?;
        let stdout = child.stdout.take().context("the service has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(START, lines.next_line()).await;
        let ready_after = begun.elapsed();
        let line = ready.map_err(|_elapsed| anyhow!("the service was not ready within {} s", START.as_secs()))??;
        let url = line.as_deref().and_then(|line| line.strip_prefix(READY));
        let url = url.context("the service did not start; what it said stands above")?;
        let client = Client::new(url)?;
        client.get("/readyz").await?;
        let pid = child.id();
        Ok(Self {
            client,
            pid,
            own: Some(Own {
                child,
                ready_after,
                _stdout: lines,
            }),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// How long a service of our own took to be ready.
    pub(super) fn ready_after(&self) -> Option<Duration> {
        self.own.as_ref().map(|own| own.ready_after)
    }

    /// Ends a service of our own; a running one is left alone.
    pub(super) async fn stop(self) {
        if let Some(mut own) = self.own {
            // One that has ended already is as good.
            _ = own.child.kill().await;
        }
    }

    /// Processor time so far.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        proc::cpu_seconds(self.pid?)
    }

    pub(super) fn memory(&self) -> Option<Memory> {
        proc::memory(self.pid?)
    }

    pub(super) async fn counters(&self) -> Result<Counters, Failure> {
        let reply = self.client.get("/metrics").await?;
        let text = String::from_utf8_lossy(&reply.body);
        Ok(Counters {
            commits: counter(&text, telemetry::COMMITS),
            changes: counter(&text, telemetry::WRITES),
            accepted: counter(&text, telemetry::ACCEPTED),
        })
    }
}

/// The sum over all labels.
fn counter(metrics: &str, name: &str) -> Option<f64> {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with([' ', '{']) {
            return None;
        }
        rest.rsplit_once(' ')?.1.parse().ok()
    };
    metrics.lines().filter_map(value).reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let metrics = "# TYPE a_total counter\na_total{x=\"1\"} 2\na_total{x=\"2\"} 3\na_total_more 7\nb_total 5\n";
        assert_eq!(counter(metrics, "a_total"), Some(5.0));
        assert_eq!(counter(metrics, "b_total"), Some(5.0));
        assert_eq!(counter(metrics, "c_total"), None);
    }
}
