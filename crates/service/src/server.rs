//! The accept loop: hyper under a cap on connections, with a time limit for
//! headers and a stop that ends.
//!
//! `axum::serve` gives hyper no timer, which switches its header time-out off,
//! and it waits for open connections for ever; hence this loop. What a request
//! is answered is the router's business.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// Twice what the router accepts, so that headers of up to this size are
/// answered with a problem that says what to do; beyond it hyper closes with a
/// bare 431. It also answers barely, before the router sees anything, to a
/// target over 65,534 bytes (414) and to what is not HTTP (400); the `OpenAPI`
/// document says so.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// More than hyper's own 100, so that it is the bytes that count.
const MAX_HEADERS: usize = 256;

/// After a failed accept, which is mostly "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Of so many parts of the connections, the last is kept for newcomers: one that is
/// accepted while only that part is free is closed after its first answer, so that no
/// crowd of idle connections keeps a probe or an operator out.
const PARTS: usize = 4;

/// So many connections may wait to be accepted (or as many as the system allows). At
/// Tokio's own 128 a burst of clients that connect at once overflows the queue, and
/// who is dropped from it tries again after a second.
const BACKLOG: u32 = 1_024;

/// Listens there.
///
/// # Errors
/// The system's, where it may not or the port is taken.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that was left a moment ago can be had again; not so on Windows, where
    // this would share it with whoever has it.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How the door is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Connections at once; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// From a connection's beginning, or the last answer, to the end of the
    /// next request's headers. It bounds idle connections too.
    pub header_timeout: Duration,
    /// How long a stop waits for requests under way.
    pub drain_timeout: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            max_connections: 1_024,
            header_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(25),
        }
    }
}

/// Serves until `shutdown`, then lets requests under way end, at most for the
/// drain time-out; what is still open then is cut off. Returns when no
/// connection is left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
) {
    let door = Door::new(router, &settings);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = door.accept(&listener) => match accepted {
                Ok((stream, permit)) => _ = connections.spawn(door.converse(stream, permit)),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // New clients are refused from here on, not left waiting.
    drop(listener);
    let drained = tokio::time::timeout(settings.drain_timeout, door.graceful.shutdown()).await;
    if drained.is_err() {
        let open = connections.len();
        tracing::warn!(connections = open, "cut off connections that did not end in time");
    }
    connections.shutdown().await;
}

/// What every new connection needs.
struct Door {
    permits: Arc<Semaphore>,
    /// Connections that are free while they may still stay open.
    kept: usize,
    http: http1::Builder,
    /// For one request only.
    brief: http1::Builder,
    service: TowerToHyperService<Router>,
    graceful: GracefulShutdown,
}

impl Door {
    fn new(router: Router, settings: &ServerSettings) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_buf_size(READ_BUFFER_BYTES)
            .max_headers(MAX_HEADERS);
        let mut brief = http.clone();
        brief.keep_alive(false);
        Self {
            permits: Arc::new(Semaphore::new(settings.max_connections)),
            kept: settings.max_connections / PARTS,
            http,
            brief,
            service: TowerToHyperService::new(router),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Waits for a free place, then for a client.
    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        // Answers are small and written at once: waiting to fill a packet only
        // delays them. A socket that refuses this is about to fail anyway.
        _ = stream.set_nodelay(true);
        Ok((stream, permit))
    }

    fn converse(&self, stream: TcpStream, permit: OwnedSemaphorePermit) -> impl Future<Output = ()> + Send + use<> {
        let is_brief = self.permits.available_permits() < self.kept;
        let http = if is_brief { &self.brief } else { &self.http };
        let connection = http.serve_connection(TokioIo::new(stream), self.service.clone());
        let watcher: Watcher = self.graceful.watcher();
        async move {
            // A client that goes away, or is too slow, is no fault of ours.
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
            drop(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;

    struct Served {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<()>,
    }

    fn served(settings: ServerSettings) -> Served {
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/never", get(std::future::pending::<()>));
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { _ = stopped.await };
        let ended = tokio::spawn(serve(listener, router, settings, shutdown));
        Served { address, stop, ended }
    }

    fn settings() -> ServerSettings {
        ServerSettings {
            max_connections: 2,
            header_timeout: Duration::from_millis(200),
            drain_timeout: Duration::from_millis(200),
        }
    }

    async fn asked(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_trickle_of_headers_is_cut_off() {
        let served = served(settings());
        let begun = Instant::now();
        let stream = asked(served.address, "GET / HTTP/1.1\r\nhost: a\r\nx-slow: ").await;
        assert_eq!(answer(stream).await, "");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_burst_of_connections_waits_to_be_accepted() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let burst = allowed.trim().parse::<usize>().unwrap().min(500);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts: one that finds the queue full hears nothing.
        let connecting = (0..burst).map(|_| TcpStream::connect(address));
        let all = futures_util::future::try_join_all(connecting);
        let connected = tokio::time::timeout(Duration::from_millis(900), all).await;
        assert_eq!(connected.expect("one was dropped").unwrap().len(), burst);
    }

    #[tokio::test]
    async fn connections_over_the_cap_wait_for_a_place() {
        let served = served(ServerSettings {
            header_timeout: Duration::from_mins(1),
            ..settings()
        });
        let first = asked(served.address, "GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let _second = asked(served.address, "GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let third = asked(served.address, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let third = tokio::spawn(answer(third));
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!third.is_finished());
        drop(first);
        assert!(third.await.unwrap().ends_with("here"));
    }

    #[tokio::test]
    async fn the_last_part_of_the_connections_is_closed_after_an_answer() {
        let served = served(ServerSettings {
            max_connections: 4,
            header_timeout: Duration::from_mins(1),
            ..settings()
        });
        let mut idle = Vec::new();
        for _ in 0..3 {
            let stream = asked(served.address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            stream.readable().await.unwrap();
            idle.push(stream);
        }
        // Whoever comes, one after the other, is answered.
        for _ in 0..3 {
            let stream = asked(served.address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            let answered = tokio::time::timeout(Duration::from_secs(5), answer(stream)).await;
            assert!(answered.unwrap().ends_with("here"));
        }
    }

    #[tokio::test]
    async fn a_stop_ends_although_a_request_hangs() {
        let served = served(ServerSettings {
            header_timeout: Duration::from_mins(1),
            ..settings()
        });
        let hanging = asked(served.address, "GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let idle = asked(served.address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        served.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(5), served.ended)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(answer(hanging).await, "");
        assert!(answer(idle).await.ends_with("here"));
        assert!(TcpStream::connect(served.address).await.is_err());
    }
}
