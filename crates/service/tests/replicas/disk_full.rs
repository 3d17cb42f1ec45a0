//! T6: the disk of `PostgreSQL` is full, under its tables or under its log.
//!
//! The disks are two small file systems in memory, in a name space that the test
//! makes for itself; that needs no root where users may have name spaces of
//! their own (most systems; the test says so where they may not). A file of the
//! test's takes what is left of one of them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::checker::examine;
use crate::cluster::{Cluster, PATIENCE, is_ready};
use crate::load::{Load, call, request};
use crate::observed::at_rest;
use crate::scale;
use crate::servers::postgres::{as_its_user, free_port, programs};
use crate::support::DISTRIBUTE;

/// Makes the disks, then the database, and starts it again whenever it ends, as
/// an operator's supervisor does. A segment of the log is 1 MB and none is used
/// again, so that it needs new ones all the time.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=64m,mode=0700 tmpfs "$1/tables" && mount -t tmpfs -o size=64m,mode=0700 tmpfs "$1/log" || exit 3
"$2/initdb" -D "$1/tables/data" --waldir="$1/log/data" -A trust -U fanfare --no-sync --wal-segsize=1 || exit 4
while :; do
  "$2/postgres" -D "$1/tables/data" -p "$3" -k "$1/tables" -c wal_recycle=off -c max_wal_size=8MB -c max_connections=100
  sleep 0.2
done
"#;

/// A `PostgreSQL` on two small disks.
struct Starved {
    directory: TempDir,
    port: u16,
    child: Child,
}

impl Starved {
    async fn start() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let directory = TempDir::new().unwrap();
        for disk in ["", "tables", "log"] {
            let path = directory.path().join(disk);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let (port, said) = (free_port(), File::create(directory.path().join("said")).unwrap());
        let child = as_its_user(Path::new("unshare"))
            .args([
                "--user",
                "--map-current-user",
                "--mount",
                "--pid",
                "--fork",
                "--keep-caps",
                "--kill-child",
            ])
            .args(["sh", "-c", SCRIPT, "sh"])
            .arg(directory.path())
            .arg(programs())
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        let mut this = Self { directory, port, child };
        this.answers().await;
        this
    }

    async fn answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while tokio_postgres::connect(&self.url(), tokio_postgres::NoTls)
            .await
            .is_err()
        {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "T6 needs `unshare` (util-linux) and the right to mount in a name space of one's own (sysctl \
                 kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0): {ended:?}\n{}",
                self.said()
            );
            assert!(Instant::now() < deadline, "{}", self.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn url(&self) -> String {
        format!("postgres://fanfare@127.0.0.1:{}/postgres", self.port)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("said")).unwrap_or_default()
    }

    /// What takes the room, as it is seen from outside the name space.
    fn ballast(&self, disk: &str) -> PathBuf {
        let unshare = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
        let inside = children.split_whitespace().next().unwrap();
        let root = PathBuf::from(format!("/proc/{inside}/root"));
        root.join(self.directory.path().strip_prefix("/").unwrap())
            .join(disk)
            .join("ballast")
    }

    /// Takes all that is left of the disk. Only the name space's own user may.
    fn fill(&self, disk: &str) {
        let file = format!("of={}", self.ballast(disk).display());
        let filled = as_its_user(Path::new("dd"))
            .args(["if=/dev/zero", &file, "bs=4k", "oflag=append", "conv=notrunc"])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!filled.success(), "the disk has no end");
    }

    fn make_room(&self, disk: &str) {
        let removed = as_its_user(Path::new("rm")).arg(self.ballast(disk)).status().unwrap();
        assert!(removed.success());
    }
}

impl Drop for Starved {
    /// All that is in the name space ends with its first process.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Fills the disk until clients are refused; what one of them is told.
async fn refused(starved: &Starved, disk: &str, cluster: &Cluster, number: usize) -> Value {
    let deadline = Instant::now() + PATIENCE;
    for again in 0.. {
        // What the database itself gives up of its log is taken, too.
        starved.fill(disk);
        let mut body = request(
            cluster.simulator.base_url(),
            &format!("evt-full-{disk}-{number}-{again}"),
        );
        // Its posts of a day are the load's.
        body["channels"]
            .as_array_mut()
            .unwrap()
            .retain(|channel| channel != "Instagram");
        match call(cluster.nodes[0].address, "POST", DISTRIBUTE, Some(&body)).await {
            Some((503, problem)) => return problem,
            Some((200 | 202 | 429, _)) | None => {}
            Some(other) => panic!("{other:?}"),
        }
        assert!(
            Instant::now() < deadline,
            "the disk is full and nobody minds\n{}",
            starved.said()
        );
    }
    unreachable!()
}

/// `FANFARE_TEST_FULL_DISKS`: how often each disk is filled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_answers_but_nothing_that_was_promised() {
    let times = scale("FANFARE_TEST_FULL_DISKS", 2) as usize;
    let starved = Starved::start().await;
    let cluster = Cluster::start_over(2, &starved.url(), &[]).await;
    let addresses: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
    let mut load = Load::begin(&addresses, cluster.simulator.base_url(), 4);
    let mut slowest = Duration::ZERO;
    for (number, disk) in ["tables", "log"].repeat(times).into_iter().enumerate() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let problem = refused(&starved, disk, &cluster, number).await;
        assert!(
            matches!(problem["code"].as_str(), Some("unavailable" | "not_ready")),
            "{problem}"
        );
        // Some more is asked and heard meanwhile.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        starved.make_room(disk);
        let (room, before) = (Instant::now(), load.count());
        for address in &addresses {
            while !is_ready(*address).await || load.count() == before {
                assert!(
                    room.elapsed() < PATIENCE,
                    "{}\n{}",
                    cluster.nodes[0].log(),
                    starved.said()
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        slowest = slowest.max(room.elapsed());
    }
    let count = load.end().await;
    let refused = load.refused.load(Ordering::Relaxed);
    let acknowledged = load.acknowledged.lock().unwrap().clone();
    let verdict = examine(&at_rest(&cluster, acknowledged).await);
    let told = cluster
        .nodes
        .iter()
        .any(|node| node.log().contains("No space left on device"));
    println!(
        "{} full disks, {count} acknowledged, {refused} refused with 503, at work again within {slowest:?}: \
         lost {}, repeated {}, left to a person {}",
        2 * times,
        verdict.lost,
        verdict.repeated,
        verdict.left_to_a_person
    );
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(
        verdict.left_to_a_person, 0,
        "what was heard while it was full is written when there is room"
    );
    assert!(
        told,
        "the log says in PostgreSQL's words what is wrong:\n{}",
        cluster.nodes[0].log()
    );
    assert!(slowest <= Duration::from_secs(15), "{slowest:?}");
}
