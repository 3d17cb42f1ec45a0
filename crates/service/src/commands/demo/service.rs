//! The demo's own service: a temporary place, a free port.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tempfile::TempDir;

use super::Args;
use crate::app::{self, App};
use crate::commands::failure::Failure;
use crate::config::Config;

/// Tried first; then those after it.
const PORT: u16 = 8080;

/// How many ports are tried before any will do.
const PORTS: u16 = 20;

/// A running service and where its data lie.
pub(super) struct Service {
    app: App,
    /// Removes the data when it goes.
    temporary: Option<TempDir>,
    pub(super) url: String,
    pub(super) data_dir: PathBuf,
    /// The usual port was taken.
    pub(super) moved: bool,
}

impl Service {
    /// Starts it; ready when this returns.
    pub(super) async fn start(args: &Args) -> Result<Self, Failure> {
        let temporary = match &args.data_dir {
            Some(_) => None,
            None => Some(TempDir::with_prefix("fanfare-demo-").context("cannot make a temporary directory")?),
        };
        let temporary_path = temporary.as_ref().map(|made| made.path().to_owned());
        let data_dir = args.data_dir.clone().or(temporary_path).unwrap_or_default();
        let ports = match args.port {
            Some(port) => vec![port],
            None => (PORT..PORT + PORTS).chain([0]).collect(),
        };
        let app = Box::pin(listen(&data_dir, &ports)).await?;
        let url = format!("http://{}", app.address);
        let moved = args.port.is_none() && app.address.port() != PORT;
        Ok(Self {
            app,
            temporary,
            url,
            data_dir,
            moved,
        })
    }

    /// Stops it, and removes what is temporary.
    pub(super) async fn stop(self) {
        self.app.stop().await;
        if let Some(temporary) = self.temporary {
            // What cannot be removed lies in the system's temporary directory,
            // which is swept by others.
            _ = temporary.close();
        }
    }

    /// Whether the data are gone at the end.
    pub(super) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// On the first of the ports that is free.
async fn listen(data_dir: &std::path::Path, ports: &[u16]) -> Result<App, Failure> {
    let mut config = Config {
        data_dir: data_dir.to_owned(),
        ..Config::default()
    };
    let mut taken = None;
    for port in ports {
        config.listen = SocketAddr::from(([127, 0, 0, 1], *port));
        match Box::pin(app::start(&config)).await {
            Ok(app) => return Ok(app),
            Err(error) if in_use(&error) => taken = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(taken.unwrap_or_else(|| anyhow::anyhow!("no port was named")).into())
}

fn in_use(error: &anyhow::Error) -> bool {
    let is = |cause: &io::Error| cause.kind() == io::ErrorKind::AddrInUse;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is))
}
