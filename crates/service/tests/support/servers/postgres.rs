//! A `PostgreSQL` of a test's own, which it may stop, or give certificates.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// It refuses to run as root, so there it is the user `postgres` that runs it.
pub(crate) struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    pub(crate) port: u16,
    options: String,
}

impl Postgres {
    /// Made and started.
    pub(crate) fn start() -> Self {
        let this = Self::made();
        this.begin();
        this
    }

    /// Made, but not started.
    pub(crate) fn made() -> Self {
        let this = Self {
            programs: programs(),
            directory: TempDir::new().unwrap(),
            port: free_port(),
            options: String::new(),
        };
        Self::give(this.directory.path());
        this.run("initdb", &["-A", "trust", "-U", "fanfare", "--no-sync"]);
        this
    }

    /// With a further option of the server, such as `ssl=on`.
    pub(crate) fn with(mut self, option: &str) -> Self {
        self.options.push_str(" -c ");
        self.options.push_str(option);
        self
    }

    /// Puts a file into its data, for its eyes only.
    pub(crate) fn put(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let file = self.data().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self::give(&file);
        file
    }

    /// Makes it the property of who runs `PostgreSQL`.
    fn give(path: &Path) {
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(path).status();
            assert!(owned.unwrap().success());
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://fanfare@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn begin(&self) {
        let directory = self.directory.path().display();
        let options = format!("-p {} -k {directory} -c max_connections=100{}", self.port, self.options);
        self.run(
            "pg_ctl",
            &["-w", "-l", &format!("{directory}/log"), "-o", &options, "start"],
        );
    }

    /// As if it had died.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = as_its_user(&self.programs.join(program));
        let done = command
            .arg("-D")
            .arg(self.data())
            .args(arguments)
            .stdout(Stdio::null())
            .status();
        assert!(done.unwrap().success(), "{arguments:?}");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a program as who may run `PostgreSQL`.
pub(crate) fn as_its_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    command.arg(program);
    command
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where Debian keeps them, or wherever they are found by name.
pub(crate) fn programs() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = debian.flatten().map(|version| version.path().join("bin")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.retain(|directory| directory.join("initdb").exists());
    found
        .pop()
        .expect("PostgreSQL's programs (initdb, pg_ctl) must be installed: scripts/servers does it")
}
