//! The service, as a process of its own over data of its own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use fanfare_core::channel::Channel;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

use crate::offer::Door;

/// No start and no end takes longer.
const PATIENCE: Duration = Duration::from_mins(3);

pub(crate) struct Service {
    pub(crate) url: String,
    child: Child,
    data: TempDir,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Service {
    /// These channels live, each at its address, with so many calls at once.
    pub(crate) async fn start(channels: &[(Channel, &str)], places: usize) -> anyhow::Result<Self> {
        let data = TempDir::with_prefix("fanfare-overload-")?;
        let program = std::env::var_os("FANFARE_BENCH_PROGRAM").map(PathBuf::from);
        let mut command = Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_fanfare").into()));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FANFARE_")) {
            command.env_remove(name);
        }
        command.env("FANFARE_LOG", "error").env("FANFARE_LISTEN", "127.0.0.1:0");
        command.env("FANFARE_DATA_DIR", data.path().join("data"));
        for (channel, base_url) in channels {
            let base_url = format!("{base_url}/gateway");
            let places = places.to_string();
            for (key, value) in [
                ("MODE", "live"),
                ("PROTOCOL", "gateway"),
                ("BASE_URL", &base_url),
                ("ACCESS_TOKEN", "bench"),
                ("CONCURRENCY", &places),
            ] {
                command.env(format!("FANFARE_CHANNELS__{}__{key}", channel.config_name()), value);
            }
        }
        command
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the service")?;
        let stdout = child.stdout.take().context("it has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await??
            .unwrap_or_default();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        Ok(Self {
            url: url
                .context("the service did not start")?
                .trim_end_matches('/')
                .to_owned(),
            child,
            data,
            _stdout: lines,
        })
    }

    /// Resident memory, now and at most, in MB; nothing where the system does not say.
    pub(crate) fn resident(&self) -> Option<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let kilobytes = |key: &str| -> Option<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some((kilobytes("VmRSS:")? / 1_024.0, kilobytes("VmHWM:")? / 1_024.0))
    }

    /// Waits until nothing is in its memory any more, then kills it: what it has not
    /// committed by then is lost.
    pub(crate) async fn end(&mut self, within: Duration) -> anyhow::Result<PathBuf> {
        let door = Door::new(&self.url)?;
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            let shown = door.get("/metrics").await?;
            if shown.lines().any(|line| line == "fanfare_distributions_in_flight 0") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.child.kill().await?;
        let file = self.data.path().join("data").join("fanfare.db");
        if !file.exists() {
            bail!("the service kept nothing at {}", file.display());
        }
        Ok(file)
    }
}
