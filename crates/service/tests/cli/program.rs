//! The program as a child process, with nothing of this shell's settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FANFARE_")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").args(arguments);
    command
}

/// Runs it to its end.
pub(crate) fn fanfare(arguments: &[&str]) -> Ended {
    fanfare_with(arguments, &[], "")
}

/// Runs it to its end with these variables and this input.
pub(crate) fn fanfare_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ended {
    let mut command = command(arguments);
    command.envs(variables.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that reads nothing may have ended already.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// An address at which nobody listens, for as long as the listener is kept: it
/// is bound to the port on another address of the loopback.
pub(crate) fn closed_port() -> (String, TcpListener) {
    let held = TcpListener::bind("127.0.0.2:0").unwrap();
    (format!("http://127.0.0.1:{}", held.local_addr().unwrap().port()), held)
}

/// A running service on temporary data.
pub(crate) struct Serving {
    child: Child,
    url: String,
    data: tempfile::TempDir,
}

impl Serving {
    pub(crate) fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &[], Stdio::inherit())
    }

    /// Over these data, with these variables, its log sent there.
    pub(crate) fn start_with(data: tempfile::TempDir, variables: &[(&str, &str)], log: Stdio) -> Self {
        Self::start_as(&["serve"], data, variables, log)
    }

    /// The same, by these arguments.
    pub(crate) fn start_as(
        arguments: &[&str],
        data: tempfile::TempDir,
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut command = command(arguments);
        command
            .env("FANFARE_LISTEN", "127.0.0.1:0")
            .env("FANFARE_DATA_DIR", data.path())
            .env("FANFARE_LOG", "warn")
            .envs(variables.iter().copied())
            .stderr(log);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().strip_prefix("fanfare is ready on ").unwrap().to_owned();
        Self { child, url, data }
    }

    /// Where its data are.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Its address and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Runs a command against it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs a command against it with this input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        fanfare_with(&[arguments, &["--url", &self.url]].concat(), &[], input)
    }

    /// Sends SIGTERM; the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // One that was terminated has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
