//! An Apache Kafka of a test's own (one node, broker and controller), which it
//! may kill and start again, or give certificates. Its jars are those that
//! `scripts/servers` has fetched.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;
use tokio::time::Instant;

/// Java takes its time, most of all on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running Kafka; it ends with the test.
pub(crate) struct Kafka {
    directory: TempDir,
    ports: [u16; 3],
    child: Option<Child>,
}

/// A further listener, with TLS and a log-in by SCRAM.
pub(crate) struct Secured<'a> {
    /// The server's certificate and its key, as PEM.
    pub(crate) certificate: &'a str,
    /// PKCS #8.
    pub(crate) key: &'a str,
    /// Who may log in, by SCRAM-SHA-512.
    pub(crate) user: (&'a str, &'a str),
}

impl Kafka {
    /// Started, and answering.
    pub(crate) async fn start(secured: Option<&Secured<'_>>) -> Self {
        let mut kafka = Self {
            directory: TempDir::new().unwrap(),
            ports: [(); 3].map(|()| super::postgres::free_port()),
            child: None,
        };
        let properties = kafka.properties(secured);
        std::fs::write(kafka.path("server.properties"), properties).unwrap();
        let mut format = kafka.java();
        format.args(["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"]);
        format.args([
            "--cluster-id",
            "ZmFuZmFyZS10ZXN0LWthZg",
            "--config",
            "server.properties",
        ]);
        if let Some(Secured {
            user: (name, password), ..
        }) = secured
        {
            format.arg("--add-scram");
            format.arg(format!("SCRAM-SHA-512=[name={name},password={password}]"));
        }
        let done = format.stdout(kafka.log()).stderr(kafka.log()).status().unwrap();
        assert!(done.success(), "{}", kafka.said());
        kafka.begin();
        kafka.answers().await;
        kafka
    }

    /// Where everybody may come in.
    pub(crate) fn open(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// Where TLS and a log-in are needed.
    pub(crate) fn secured(&self) -> String {
        format!("127.0.0.1:{}", self.ports[2])
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, over what it had.
    pub(crate) fn begin(&mut self) {
        let mut java = self.java();
        java.args(["-Xmx384m", "kafka.Kafka", "server.properties"]);
        java.stdout(self.log()).stderr(self.log());
        self.child = Some(java.spawn().unwrap());
    }

    /// Waits until it answers.
    pub(crate) async fn answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !asked(self.open()).await {
            let child = self.child.as_mut().unwrap();
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "Kafka ended: {ended:?}\n{}", self.said());
            assert!(Instant::now() < deadline, "Kafka does not answer\n{}", self.said());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn java(&self) -> Command {
        let jars = std::env::var("FANFARE_TEST_KAFKA_JARS").expect(
            "FANFARE_TEST_KAFKA_JARS must name a folder with Apache Kafka's jars, for the tests that start a Kafka of \
             their own: `scripts/servers run COMMAND` fetches them and sets it",
        );
        let java = std::env::var("JAVA_HOME").map_or_else(|_| "java".to_owned(), |home| format!("{home}/bin/java"));
        let mut java = Command::new(java);
        java.args(["-cp", &format!("{jars}/*")]);
        java.current_dir(self.directory.path()).stdin(Stdio::null());
        java
    }

    fn properties(&self, secured: Option<&Secured<'_>>) -> String {
        let [open, controller, closed] = self.ports;
        let data = self.path("data");
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{open}");
        let mut more = String::new();
        if let Some(secured) = secured {
            use std::fmt::Write;
            listeners = format!("{listeners},SASL_SSL://127.0.0.1:{closed}");
            let store = self.path("server.pem");
            std::fs::write(&store, format!("{}{}", secured.key, secured.certificate)).unwrap();
            write!(
                more,
                "ssl.keystore.type=PEM\nssl.keystore.location={}\nsasl.enabled.mechanisms=SCRAM-SHA-512\n\
                 listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
                 org.apache.kafka.common.security.scram.ScramLoginModule required;\n",
                store.display()
            )
            .unwrap();
        }
        format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners={listeners},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={listeners}\n\
             controller.listener.names=CONTROLLER\ninter.broker.listener.name=PLAINTEXT\nlog.dirs={}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL\n\
             num.partitions=3\noffsets.topic.replication.factor=1\noffsets.topic.num.partitions=1\n\
             transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
             share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
             group.initial.rebalance.delay.ms=0\nlog.cleaner.dedupe.buffer.size=16777216\n{more}",
            data.display()
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> File {
        let path: &Path = &self.path("log");
        File::options().create(true).append(true).open(path).unwrap()
    }

    /// What it said last.
    fn said(&self) -> String {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(30).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether a broker tells of itself there.
async fn asked(brokers: String) -> bool {
    let asking = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("log_level", "0")
            .create()
            .unwrap();
        let told = consumer.fetch_metadata(None, Duration::from_secs(3));
        told.is_ok_and(|metadata| !metadata.brokers().is_empty())
    });
    asking.await.unwrap()
}
