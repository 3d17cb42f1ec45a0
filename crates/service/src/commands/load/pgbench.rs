//! The `pgbench` of `PostgreSQL`, where it is installed: how many single inserts
//! a second it commits on the same server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use url::Url;

/// Connections at most: to make them takes a part of its time, and the server's
/// own limit is usually a hundred.
const CLIENTS_MAX: u32 = 32;

/// Where Debian keeps it, by version, in no `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// For so many clients at once; nothing where it is not there or fails.
pub(super) async fn inserts(url: &str, statement: &str, clients: u32, directory: &Path) -> Option<f64> {
    let script = directory.join("pgbench.sql");
    std::fs::write(&script, format!("{statement};\n")).ok()?;
    let url = Url::parse(url).ok()?;
    let clients = clients.min(CLIENTS_MAX).to_string();
    let mut command = Command::new(program());
    command
        .args(["--no-vacuum", "--time=4", "--jobs=1", "--protocol=prepared"])
        .args(["--client", &clients, "--file"])
        .arg(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    // Not on the command line, which every user of the machine can read.
    command.envs(connection(&url));
    let output = command.output().await.ok()?;
    transactions(&String::from_utf8_lossy(&output.stdout))
}

/// The newest of Debian's, or whatever is found by its name.
fn program() -> PathBuf {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin/pgbench"));
    let newest = programs.filter(|program| program.exists()).max();
    newest.unwrap_or_else(|| "pgbench".into())
}

/// As libpq reads it from the environment.
fn connection(url: &Url) -> Vec<(&'static str, String)> {
    let plain = |text: &str| {
        let pairs = format!("x={}", text.replace('+', "%2B"));
        url::form_urlencoded::parse(pairs.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    let values = [
        (
            "PGHOST",
            url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()),
        ),
        ("PGPORT", url.port().map(|port| port.to_string())),
        ("PGUSER", plain(url.username())),
        ("PGPASSWORD", url.password().and_then(plain)),
        ("PGDATABASE", plain(url.path().trim_start_matches('/'))),
    ];
    let given = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.filter(|(_, value)| !value.is_empty()).collect()
}

/// `tps = 1234.5 (without initial connection time)`
fn transactions(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_read() {
        let said = "latency average = 0.3 ms\ntps = 3210.5 (without initial connection time)\n";
        assert_eq!(transactions(said), Some(3210.5));
        assert_eq!(transactions("pgbench: error"), None);
    }

    #[test]
    fn the_password_is_not_for_the_command_line() {
        let url = Url::parse("postgres://fan:a%2Fb+c@127.0.0.1:7/events").unwrap();
        let expected = [
            ("PGHOST", "127.0.0.1"),
            ("PGPORT", "7"),
            ("PGUSER", "fan"),
            ("PGPASSWORD", "a/b+c"),
            ("PGDATABASE", "events"),
        ];
        assert_eq!(connection(&url), expected.map(|(name, value)| (name, value.to_owned())));
    }
}
