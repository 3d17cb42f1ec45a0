//! A service of a command's own: a temporary place, a free port, and the simulated
//! channels that it calls. Of `demo` and `story`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::{Effect, RunningSimulator, Scenario, ScenarioError, Simulator, SimulatorSettings, StartError};
use tempfile::TempDir;

use super::failure::Failure;
use crate::app::{self, App};
use crate::config::{ChannelConfig, Config};

/// Tried first; then those after it.
const PORT: u16 = 8080;

/// How many ports are tried before any will do.
const PORTS: u16 = 20;

/// The examples' pictures and sounds, which the simulator serves.
const MEDIA: [(&str, &[u8]); 6] = [
    (
        "spring-coffee.jpg",
        include_bytes!("../../../../examples/media/spring-coffee.jpg"),
    ),
    (
        "spring-coffee.wav",
        include_bytes!("../../../../examples/media/spring-coffee.wav"),
    ),
    ("bakery.jpg", include_bytes!("../../../../examples/media/bakery.jpg")),
    ("bakery.wav", include_bytes!("../../../../examples/media/bakery.wav")),
    (
        "flower-shop.jpg",
        include_bytes!("../../../../examples/media/flower-shop.jpg"),
    ),
    (
        "flower-shop.wav",
        include_bytes!("../../../../examples/media/flower-shop.wav"),
    ),
];

/// What the command line says of it.
pub(super) struct Wanted<'a> {
    /// Where the data are kept; a temporary directory where it is absent.
    pub(super) data_dir: Option<&'a Path>,
    /// 0 for any; the usual one, or the next free one, where it is absent.
    pub(super) port: Option<u16>,
    /// What goes wrong at the simulated channels from the beginning.
    pub(super) scenario: &'a str,
}

/// A running service and where its data lie.
pub(super) struct Service {
    app: App,
    /// The channels that it calls.
    simulator: RunningSimulator,
    /// Removes the data when it goes.
    temporary: Option<TempDir>,
    pub(super) url: String,
    pub(super) data_dir: PathBuf,
    /// The usual port was taken.
    pub(super) moved: bool,
}

impl Service {
    /// Starts it, with what `adjust` changes of its configuration; ready when this
    /// returns.
    pub(super) async fn start(wanted: &Wanted<'_>, adjust: impl FnOnce(&mut Config)) -> Result<Self, Failure> {
        let temporary = match wanted.data_dir {
            Some(_) => None,
            None => Some(TempDir::with_prefix("fanfare-").context("cannot make a temporary directory")?),
        };
        let temporary_path = temporary.as_ref().map(TempDir::path);
        let data_dir = wanted.data_dir.or(temporary_path).unwrap_or(Path::new("")).to_owned();
        let ports = match wanted.port {
            Some(port) => vec![port],
            None => (PORT..PORT + PORTS).chain([0]).collect(),
        };
        let simulator = simulator(wanted.scenario, wanted.data_dir).await?;
        let mut config = config(&data_dir, &simulator);
        adjust(&mut config);
        let app = Box::pin(listen(config, &ports)).await?;
        let url = format!("http://{}", app.address);
        let moved = wanted.port.is_none() && app.address.port() != PORT;
        Ok(Self {
            app,
            simulator,
            temporary,
            url,
            data_dir,
            moved,
        })
    }

    /// Where the simulated channels are, and the page that shows what came to be.
    pub(super) fn simulator_url(&self) -> &str {
        self.simulator.base_url()
    }

    /// Where the examples' media are.
    pub(super) fn media(&self) -> String {
        format!("{}/media", self.simulator.base_url())
    }

    /// What came to be at the simulated channels, oldest first.
    pub(super) fn effects(&self) -> Vec<Effect> {
        self.simulator.effects()
    }

    /// Requests to them that went wrong as the scenario says.
    pub(super) fn faults(&self) -> usize {
        self.simulator.faults_met()
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

async fn simulator(scenario: &str, kept: Option<&Path>) -> Result<RunningSimulator, Failure> {
    let refused = |error: ScenarioError| Failure::Usage(format!("--scenario: {:#}", anyhow!(error)));
    let scenario = Scenario::load(scenario).map_err(refused)?;
    let start = async |port| {
        let media = MEDIA.map(|(name, bytes)| (name.to_owned(), Bytes::from_static(bytes)));
        let settings = SimulatorSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], port)),
            scenario: scenario.clone(),
            media: media.into(),
            ..SimulatorSettings::default()
        };
        Simulator::start(settings).await
    };
    let simulator = match start(kept.map_or(0, port_of)).await {
        Err(StartError::Listen(..)) => start(0).await,
        started => started,
    };
    Ok(simulator.context("the simulated channels cannot be started")?)
}

/// The same place, the same port, so that a demo over data that were kept sends
/// the very requests that it sent before: the media's addresses are in them.
fn port_of(data_dir: &Path) -> u16 {
    let bytes = data_dir.as_os_str().as_encoded_bytes();
    let sum = bytes
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(*byte)));
    20_000 + sum % 10_000
}

/// Two channels live at the simulator, by a clock of their own: a picture that is
/// there at once needs no five seconds' patience.
fn config(data_dir: &Path, simulator: &RunningSimulator) -> Config {
    let live = |prefix: &str| ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{}/{prefix}", simulator.base_url())),
        access_token: Some(Secret::new("demo")),
        account_id: Some("17841400000000000".to_owned()),
        poll_interval_ms: 300,
        settle_ms: 1_000,
        ..ChannelConfig::default()
    };
    let mut config = Config {
        data_dir: data_dir.to_owned(),
        ..Config::default()
    };
    config.channels.wooridongne_tv = live("wooridongne-tv");
    config.channels.instagram = live("instagram");
    config.media.allow_hosts = vec![simulator.address.to_string()];
    config
}

/// On the first of the ports that is free.
async fn listen(mut config: Config, ports: &[u16]) -> Result<App, Failure> {
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
