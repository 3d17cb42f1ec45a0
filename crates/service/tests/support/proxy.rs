//! A door in front of a server, which a test opens and closes.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Takes connections for another address while it is open; closed, it breaks
/// off those that there are and takes none.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    open: watch::Sender<bool>,
    bound: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// On a port of its own, closed: connections to it are refused.
    pub(crate) async fn closed_before(target: String) -> Self {
        let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = probe.local_addr().unwrap();
        drop(probe);
        let (open, opened) = watch::channel(false);
        let bound = Arc::new(Notify::new());
        let task = tokio::spawn(serve(address, target, opened, Arc::clone(&bound)));
        Self {
            address,
            open,
            bound,
            task,
        }
    }

    /// Connections are taken from now on.
    pub(crate) async fn open(&self) {
        self.open.send_replace(true);
        self.bound.notified().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(address: SocketAddr, target: String, mut opened: watch::Receiver<bool>, bound: Arc<Notify>) {
    while opened.wait_for(|open| *open).await.is_ok() {
        let listener = TcpListener::bind(address).await.unwrap();
        bound.notify_one();
        let mut closing = opened.clone();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (client, _) = accepted.unwrap();
                    tokio::spawn(carry(client, target.clone(), opened.clone()));
                }
                _ = closing.wait_for(|open| !*open) => break,
            }
        }
    }
}

async fn carry(mut client: TcpStream, target: String, mut opened: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(&target).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = opened.wait_for(|open| !*open) => {}
    }
}
