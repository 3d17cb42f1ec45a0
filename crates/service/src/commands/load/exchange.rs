//! The channels of a live run: a simulator on a thread of its own, called by one
//! gateway path for all six; and what the HTTP client alone can do there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_core::channel::Channel;
use fanfare_simulator::{Simulator, SimulatorSettings};
use hyper::Request;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::driver::RINGO_BIZ_LINE;
use super::proc;
use crate::commands::failure::Failure;

/// The simulator's thread, by whose name its cost is found.
pub(super) const THREAD: &str = "simulator";

/// Calls that each channel's lane lets out at once.
const LANE: usize = 64;

/// The simulated channels; they end when this is dropped.
pub(super) struct Channels {
    pub(super) base_url: String,
    _stop: oneshot::Sender<()>,
}

/// What the HTTP client alone does, against the same path.
#[derive(Debug, Clone, Copy)]
pub(super) struct BareExchange {
    /// As many at once as the lanes let out.
    pub(super) per_second: f64,
    /// One after the other; the median.
    pub(super) took: Duration,
    /// One after the other; one in a hundred took at least so long.
    pub(super) p99: Duration,
    /// Seconds of processor time of one, as many at once: what the client's own
    /// thread took, where the system says so.
    pub(super) cpu: Option<f64>,
}

impl Channels {
    pub(super) async fn start() -> Result<Self, Failure> {
        let (stop, stopped) = oneshot::channel();
        let (started, address) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let served = move || {
            runtime.block_on(async {
                let simulator = Simulator::start(SimulatorSettings::default()).await;
                let address = simulator.as_ref().map(|simulator| simulator.base_url().to_owned());
                // Refused only where nobody waits any more.
                _ = started.send(address.map_err(ToString::to_string));
                _ = stopped.await;
            });
        };
        thread
            .spawn(served)
            .context("the simulated channels cannot be started")?;
        let address = address.await.context("the simulated channels ended badly")?;
        Ok(Self {
            base_url: address.map_err(anyhow::Error::msg)?,
            _stop: stop,
        })
    }

    /// What the service is told, so that it calls all six there.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let of = |channel: Channel| {
            let name = channel.config_name();
            [
                ("MODE", "live".to_owned()),
                ("PROTOCOL", "gateway".to_owned()),
                ("BASE_URL", format!("{}/gateway", self.base_url)),
                ("ACCESS_TOKEN", "load".to_owned()),
                ("CONCURRENCY", LANE.to_string()),
            ]
            .map(|(key, value)| (format!("FANFARE_CHANNELS__{name}__{key}"), value))
        };
        let verified = Channel::RingoBiz.config_name();
        let verified = format!("FANFARE_CHANNELS__{verified}__VERIFIED_NUMBERS");
        let lines = format!("{{ default = [\"{RINGO_BIZ_LINE}\"] }}");
        let all = Channel::ALL.into_iter().flat_map(of);
        all.chain([(verified, lines)]).collect()
    }

    /// As many exchanges as fit into that time, at once as the service's lanes
    /// would let them out, and then one after the other.
    pub(super) async fn bare(&self, callers: u32, channels: u8, length: Duration) -> Result<BareExchange, Failure> {
        let http = HttpClient::new(&HttpSettings::default()).context("the HTTP client cannot be set up")?;
        let url = format!("{}/gateway/v1/deliveries", self.base_url);
        let next = Arc::new(AtomicU64::new(0));
        let at_once = usize::try_from(callers).unwrap_or(LANE).min(LANE) * usize::from(channels);
        // The connections are made first.
        exchange_for(&http, &url, &next, at_once, length / 4).await?;
        // This command has one thread, and the simulator another.
        let before = proc::this_thread_cpu_seconds();
        let many = exchange_for(&http, &url, &next, at_once, length).await?;
        let after = proc::this_thread_cpu_seconds();
        let mut one = exchange_for(&http, &url, &next, 1, length / 2).await?;
        one.sort_unstable();
        let at = |place: usize| one.get(place).copied().context("no exchange was answered");
        let count = u32::try_from(many.len()).unwrap_or(u32::MAX);
        Ok(BareExchange {
            per_second: f64::from(count) / length.as_secs_f64(),
            took: at(one.len() / 2)?,
            p99: at((one.len() * 99).div_ceil(100).max(1) - 1)?,
            cpu: before
                .zip(after)
                .map(|(before, after)| (after - before) / f64::from(count)),
        })
    }
}

/// How long each exchange took.
async fn exchange_for(
    http: &HttpClient,
    url: &str,
    next: &Arc<AtomicU64>,
    at_once: usize,
    length: Duration,
) -> Result<Vec<Duration>, Failure> {
    let end = Instant::now() + length;
    let mut callers = JoinSet::new();
    for _ in 0..at_once {
        let (http, url, next) = (http.clone(), url.to_owned(), Arc::clone(next));
        callers.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                let answer = http.send(request(&url, next.fetch_add(1, Ordering::Relaxed))?).await?;
                anyhow::ensure!(answer.status == 202, "the simulated channel answered {}", answer.status);
                took.push(begun.elapsed());
            }
            Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(one) = callers.join_next().await {
        all.extend(one.context("a caller ended badly")??);
    }
    Ok(all)
}

/// Like the service's own, in headers and size.
fn request(url: &str, number: u64) -> anyhow::Result<Request<Bytes>> {
    let key = format!("bare-019a9b1e-7c1a-7000-8000-{number:012}.1");
    let content =
        json!({"imageUrl": "https://cdn.example.com/flyer.jpg", "caption": "오늘 문을 열었습니다. 20% 할인합니다."});
    let body =
        json!({"externalId": key, "channel": "Instagram", "eventId": "evt-0000000000000000", "content": content});
    let request = Request::post(url)
        .header("authorization", "Bearer load")
        .header("content-type", "application/json")
        .header("idempotency-key", &key)
        .header("traceparent", "00-019a9b1e7c1a70008000000000000001-00f067aa0ba902b7-01");
    Ok(request.body(body.to_string().into())?)
}
