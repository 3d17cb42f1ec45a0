//! Redis for tests: the one that is given, a private one that may be killed,
//! and a way to it that can be made to hang or to break.

use std::process::Stdio;
use std::time::Duration;

use redis::Client;
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::support::PATIENCE;

/// The server that tests share.
pub(crate) fn shared_url() -> String {
    std::env::var("FANFARE_TEST_REDIS_URL")
        .expect("set FANFARE_TEST_REDIS_URL to a Redis for tests, such as redis://127.0.0.1:6379")
}

/// A connection of one's own.
pub(crate) async fn connect(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// A server of one's own; it ends with the test.
pub(crate) struct PrivateRedis {
    pub(crate) port: u16,
    process: Child,
    data: TempDir,
    options: Vec<String>,
}

impl PrivateRedis {
    /// With further options of `redis-server`.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let port = free_port().await;
        let data = TempDir::new().unwrap();
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let process = run(port, &data, &options).await;
        Self {
            port,
            process,
            data,
            options,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As `kill -9` does; what it held is gone.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again, empty, on the same port.
    pub(crate) async fn start_again(&mut self) {
        self.process = run(self.port, &self.data, &self.options).await;
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn run(port: u16, data: &TempDir, options: &[String]) -> Child {
    let process = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(data.path())
        .arg("--port")
        .arg(port.to_string())
        .args(options)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("`redis-server` must be on the PATH for this test: install Redis");
    let answers = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let started = tokio::time::timeout(PATIENCE, answers).await;
    started.unwrap_or_else(|_| panic!("redis-server {options:?} did not start on port {port}"));
    process
}

/// How the way to a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Passes,
    Hangs,
}

/// A way to a server: it passes bytes on until it is told to hang.
pub(crate) struct FaultProxy {
    port: u16,
    way: watch::Sender<Way>,
}

impl FaultProxy {
    /// To the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(6379));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, told) = watch::channel(Way::Passes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), told.clone()));
            }
        });
        Self { port, way }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Connections are taken and stay open; nothing is passed on.
    pub(crate) fn hang(&self) {
        self.way.send_replace(Way::Hangs);
    }

    /// Passes on again, what came meanwhile first.
    pub(crate) fn heal(&self) {
        self.way.send_replace(Way::Passes);
    }
}

async fn pass(client: TcpStream, server: String, mut way: watch::Receiver<Way>) {
    let passes = way.wait_for(|way| *way == Way::Passes).await.is_ok();
    let Some(server) = TcpStream::connect(server).await.ok().filter(|_| passes) else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(from_client, to_server, way.clone()) => {}
        () = copy(from_server, to_client, way.clone()) => {}
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut way: watch::Receiver<Way>) {
    let mut bytes = [0; 4_096];
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        let passes = way.wait_for(|way| *way == Way::Passes).await.is_ok();
        if !passes || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
