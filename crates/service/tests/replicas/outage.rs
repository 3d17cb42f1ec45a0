//! T5: the database stops at once, again and again, and its connections are cut.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::checker::examine;
use crate::cluster::{Cluster, PATIENCE, is_ready};
use crate::load::{Load, call};
use crate::observed::at_rest;
use crate::scale;

/// A `PostgreSQL` of the test's own, which it may stop. It refuses to run as
/// root, so there it is the user `postgres` that runs it.
struct Postgres {
    programs: PathBuf,
    directory: TempDir,
    port: u16,
}

impl Postgres {
    fn start() -> Self {
        let this = Self {
            programs: programs(),
            directory: TempDir::new().unwrap(),
            port: std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port(),
        };
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres")
                .arg(this.directory.path())
                .status();
            assert!(owned.unwrap().success());
        }
        this.run("initdb", &["-A", "trust", "-U", "fanfare", "--no-sync"]);
        this.begin();
        this
    }

    fn url(&self) -> String {
        format!("postgres://fanfare@127.0.0.1:{}/postgres", self.port)
    }

    fn begin(&self) {
        let directory = self.directory.path().display();
        let options = format!("-p {} -k {directory} -c max_connections=100", self.port);
        self.run(
            "pg_ctl",
            &["-w", "-l", &format!("{directory}/log"), "-o", &options, "start"],
        );
    }

    /// As if it had died.
    fn stop(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let data = self.directory.path().join("data");
        let done = command
            .arg("-D")
            .arg(data)
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

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// Where Debian keeps them, or wherever they are found by name.
fn programs() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<_> = debian.flatten().map(|version| version.path().join("bin")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(std::env::split_paths(&path));
    found.retain(|directory| directory.join("initdb").exists());
    found
        .pop()
        .expect("PostgreSQL's programs (initdb, pg_ctl) must be installed: scripts/servers does it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_it_is_up_and_not_ready_and_can_be_ended() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut service = Command::new(env!("CARGO_BIN_EXE_fanfare"))
        .arg("serve")
        .env("FANFARE_LISTEN", address.to_string())
        .env("FANFARE_DATABASE_URL", "postgres://fanfare@127.0.0.1:1/fanfare")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while call(address, "GET", "/healthz", None)
        .await
        .is_none_or(|(status, _)| status != 200)
    {
        assert!(Instant::now() < deadline, "it is not up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (method, path) in [("GET", "/readyz"), ("POST", crate::support::DISTRIBUTE)] {
        let (status, problem) = call(address, method, path, None).await.unwrap();
        assert_eq!(
            (status, problem["code"].as_str()),
            (503, Some("not_ready")),
            "{problem}"
        );
    }
    let ended = Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
    assert!(ended.unwrap().success());
    let status = tokio::task::spawn_blocking(move || service.wait().unwrap())
        .await
        .unwrap();
    assert!(status.success(), "{status}");
}

/// `FANFARE_TEST_OUTAGES`: how often the database is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_costs_answers_but_nothing_that_was_promised() {
    let outages = scale("FANFARE_TEST_OUTAGES", 4);
    let postgres = Postgres::start();
    let cluster = Cluster::start_over(2, &postgres.url(), &[]).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, 4);
    let mut slowest = Duration::ZERO;
    for _ in 0..outages {
        tokio::time::sleep(Duration::from_millis(700)).await;
        postgres.stop();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            !is_ready(addresses[0]).await,
            "it says that it is ready without a database"
        );
        postgres.begin();
        let back = Instant::now();
        for address in &addresses {
            while !is_ready(*address).await {
                assert!(back.elapsed() < PATIENCE, "{}", cluster.nodes[0].log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        slowest = slowest.max(back.elapsed());
    }
    let count = load.end().await;
    let refused = load.refused.load(std::sync::atomic::Ordering::Relaxed);
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let verdict = examine(&at_rest(&cluster, acknowledged).await);
    println!(
        "{outages} outages, {count} acknowledged, {refused} refused with 503, ready again within {slowest:?}: \
         lost {}, repeated {}, left to a person {}",
        verdict.lost, verdict.repeated, verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(
        verdict.left_to_a_person, 0,
        "what was heard while it was away is written when it is back"
    );
    assert!(refused > 0, "503 is what clients are told meanwhile");
    assert!(slowest <= Duration::from_secs(5), "{slowest:?}");
}
