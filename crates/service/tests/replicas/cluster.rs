//! Nodes as processes, and what they share.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use uuid::Uuid;

/// A call to a channel is over after this time.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(1);

/// The shortest that is allowed with it.
pub(crate) const LEASE: Duration = Duration::from_secs(16);

/// Nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The channels' names in the configuration, and below which path the simulator
/// has them; those without one of their own go through the gateway.
const CHANNELS: [(&str, &str, &str); 6] = [
    ("WOORIDONGNE_TV", "wooridongne-tv", "own"),
    ("RINGO_BIZ", "gateway", "gateway"),
    ("GENIE_TV", "gateway", "gateway"),
    ("INSTAGRAM", "instagram", "own"),
    ("NAVER_BLOG", "gateway", "gateway"),
    ("KAKAO_CHANNEL", "gateway", "gateway"),
];

/// This release's program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_fanfare");

/// One cluster at a time: two on one small machine would only wait for each other.
static ALONE: Mutex<()> = Mutex::const_new(());

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) simulator: RunningSimulator,
    pub(crate) database_url: String,
    pub(crate) schema: String,
    pub(crate) kafka: String,
    pub(crate) topic: String,
    settings: Vec<(String, String)>,
    directory: TempDir,
    _alone: MutexGuard<'static, ()>,
}

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    /// What is started next: this release's program, or another's.
    pub(crate) program: PathBuf,
    /// Of this node alone.
    pub(crate) settings: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

/// A server's address; without one the test can't be run, and says so.
pub(crate) fn given(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} must name a running server: `scripts/servers run COMMAND` starts one and sets it")
    })
}

impl Cluster {
    /// So many nodes, ready.
    pub(crate) async fn start(nodes: usize) -> Self {
        Self::start_over(nodes, &given("FANFARE_TEST_DATABASE_URL"), &[]).await
    }

    /// The same over this database, with further settings.
    pub(crate) async fn start_over(nodes: usize, database_url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_with(nodes, database_url, &given("FANFARE_TEST_KAFKA"), settings).await
    }

    /// So many nodes of another program.
    pub(crate) async fn start_program(program: &Path, nodes: usize) -> Self {
        let (database_url, kafka) = (given("FANFARE_TEST_DATABASE_URL"), given("FANFARE_TEST_KAFKA"));
        Self::start_all(program, nodes, &database_url, &kafka, &[]).await
    }

    /// The same over this Kafka.
    pub(crate) async fn start_with(nodes: usize, database_url: &str, kafka: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_all(PROGRAM.as_ref(), nodes, database_url, kafka, settings).await
    }

    async fn start_all(
        program: &Path,
        nodes: usize,
        database_url: &str,
        kafka: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let alone = ALONE.lock().await;
        let simulator = Simulator::start(SimulatorSettings::default()).await.unwrap();
        let name = Uuid::new_v4().simple().to_string();
        let directory = TempDir::new().unwrap();
        let mut cluster = Self {
            nodes: Vec::new(),
            settings: settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            simulator,
            database_url: database_url.to_owned(),
            schema: format!("replicas_{}", &name[..12]),
            kafka: kafka.to_owned(),
            topic: format!("replicas-{}", &name[..12]),
            directory,
            _alone: alone,
        };
        for number in 0..nodes {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let log = cluster.directory.path().join(format!("node-{number}.log"));
            cluster.nodes.push(Node {
                address,
                program: program.to_owned(),
                settings: Vec::new(),
                log,
                child: None,
            });
            cluster.begin(number);
        }
        for number in 0..nodes {
            cluster.ready(number).await;
        }
        cluster
    }

    /// Starts a node's process; it is not ready yet.
    pub(crate) fn begin(&mut self, number: usize) {
        let mut command = Command::new(&self.nodes[number].program);
        command
            .arg("serve")
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.envs(std::env::var("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment());
        let node = &mut self.nodes[number];
        let log = File::options().create(true).append(true).open(&node.log).unwrap();
        command.env("FANFARE_LISTEN", node.address.to_string()).stderr(log);
        command.envs(node.settings.iter().cloned());
        node.child = Some(command.spawn().unwrap());
    }

    /// Stops a node in order, and starts what its program is now.
    pub(crate) async fn restart(&mut self, number: usize) {
        self.nodes[number].signal("TERM");
        let well = self.nodes[number].ended(Duration::from_secs(30)).await;
        assert!(well, "{}", self.nodes[number].log());
        self.begin(number);
        self.ready(number).await;
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut environment: Vec<(String, String)> = [
            ("FANFARE_DATABASE_URL", self.database_url.clone()),
            ("FANFARE_DATABASE__SCHEMA", self.schema.clone()),
            ("FANFARE_KAFKA_BROKERS", self.kafka.clone()),
            ("FANFARE_KAFKA__TOPIC", self.topic.clone()),
            ("FANFARE_REDIS_URL", given("FANFARE_TEST_REDIS_URL")),
            ("FANFARE_CALLS__DEADLINE_MS", CALL_DEADLINE.as_millis().to_string()),
            ("FANFARE_CALLS__CONNECT_TIMEOUT_MS", "500".to_owned()),
            ("FANFARE_NODES__LEASE_S", LEASE.as_secs().to_string()),
            ("FANFARE_NODES__HEARTBEAT_MS", "1000".to_owned()),
            ("FANFARE_ENGINE__INITIAL_INTERVAL_MS", "50".to_owned()),
            ("FANFARE_LOG", "warn".to_owned()),
            (
                "FANFARE_MEDIA__ALLOW_HOSTS",
                format!("[\"{}\"]", self.simulator.address),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let base_url = self.simulator.base_url();
        for (channel, path, protocol) in CHANNELS {
            let mut set = |key: &str, value: String| {
                environment.push((format!("FANFARE_CHANNELS__{channel}__{key}"), value));
            };
            set("MODE", "live".to_owned());
            set("PROTOCOL", protocol.to_owned());
            set("BASE_URL", format!("{base_url}/{path}"));
            set("ACCESS_TOKEN", "token".to_owned());
            set("POLL_INTERVAL_MS", "50".to_owned());
            set("SETTLE_MS", "100".to_owned());
            set("SECOND_LOOK_MS", "200".to_owned());
        }
        environment.push((
            "FANFARE_CHANNELS__INSTAGRAM__ACCOUNT_ID".to_owned(),
            "17841400000000000".to_owned(),
        ));
        environment.push((
            "FANFARE_CHANNELS__RINGO_BIZ__VERIFIED_NUMBERS".to_owned(),
            "{ default = [\"02-312-4567\"] }".to_owned(),
        ));
        environment.extend(self.settings.iter().cloned());
        environment
    }

    /// Waits until it is ready.
    pub(crate) async fn ready(&mut self, number: usize) {
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(self.nodes[number].address).await {
            let node = &mut self.nodes[number];
            let ended = node.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "the node ended: {ended:?}\n{}", node.log());
            assert!(
                Instant::now() < deadline,
                "the node did not become ready\n{}",
                node.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(mut child) = self.nodes[number].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..self.nodes.len() {
            if std::thread::panicking() {
                println!("node {number}:\n{}", self.nodes[number].log());
            }
            self.kill(number);
        }
    }
}

impl Node {
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let child = self.child.as_ref().unwrap();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; whether it ended well.
    pub(crate) async fn ended(&mut self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let child = self.child.as_mut().unwrap();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status.success();
            }
            assert!(Instant::now() < deadline, "it does not end\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether it takes requests.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    crate::load::call(address, "GET", "/readyz", None)
        .await
        .is_some_and(|(status, _)| status == 200)
}
