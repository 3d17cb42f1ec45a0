//! The simulated channels, on a thread of their own, called by one gateway path for all.

use std::sync::mpsc;

use anyhow::{Context, bail};
use bytes::Bytes;
use fanfare_simulator::{Effect, Simulator, SimulatorSettings};
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// They end when this is dropped.
pub(crate) struct Channels {
    pub(crate) base_url: String,
    effects: mpsc::Sender<oneshot::Sender<Vec<Effect>>>,
}

impl Channels {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let (effects, asked) = mpsc::channel::<oneshot::Sender<Vec<Effect>>>();
        let (started, address) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        std::thread::spawn(move || {
            let simulator = runtime.block_on(Simulator::start(SimulatorSettings::default()));
            let Ok(simulator) = simulator else { return };
            _ = started.send(simulator.base_url().to_owned());
            // Until nobody can ask any more.
            while let Ok(asks) = asked.recv() {
                _ = asks.send(simulator.effects());
            }
        });
        let base_url = address.recv().context("the simulated channels did not start")?;
        Ok(Self { base_url, effects })
    }

    /// What meets every request from now on.
    pub(crate) async fn meet(&self, fault: &Value) -> anyhow::Result<()> {
        let rules = json!({"rules": [{"channel": "gateway", "fault": fault}]}).to_string();
        let request = Request::put(format!("{}/_simulator/faults", self.base_url)).body(Full::<Bytes>::from(rules))?;
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await?;
        if !answer.status().is_success() {
            bail!("the simulator refuses the rule: {}", answer.status());
        }
        Ok(())
    }

    /// All that came to be.
    pub(crate) async fn effects(&self) -> anyhow::Result<Vec<Effect>> {
        let (asks, told) = oneshot::channel();
        self.effects.send(asks).context("the simulated channels have ended")?;
        told.await.context("the simulated channels have ended")
    }
}
