//! What the endpoints work with. It is put together once, at start, and shared.

use std::sync::Arc;
use std::time::Duration;

use fanfare_core::channel::{Channel, Mode};
use fanfare_core::ids::TenantId;
use fanfare_core::validate::AdmitSettings;
use fanfare_ledger::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use super::envelope::TraceIds;
use crate::clock::Clock;
use crate::perform::EngineHandle;
use crate::status::StatusCache;

/// The parts that the API is made of.
pub struct ApiState {
    /// The door to the engine.
    pub engine: EngineHandle,
    /// For reading.
    pub store: Arc<dyn Store>,
    /// For the status of an event.
    pub cache: Arc<dyn StatusCache>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How each channel is called, by [`Channel::index`].
    pub modes: [Mode; Channel::ALL.len()],
    /// Hosts that may be named although they are local or private.
    pub allow_hosts: Vec<String>,
    /// What the door accepts.
    pub limits: ApiLimits,
    /// Whether the service takes requests; whoever starts and stops it says so.
    pub ready: watch::Receiver<bool>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
}

/// What the door accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiLimits {
    /// How long `distribute` waits for the channels unless `Prefer` says otherwise.
    pub default_wait: Duration,
    /// A body's largest size.
    pub body_bytes: usize,
    /// From the end of the headers to the end of the body.
    pub body_timeout: Duration,
    /// The largest size of a request's target and headers together.
    pub header_bytes: usize,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            default_wait: Duration::from_secs(30),
            body_bytes: 1_500_000,
            body_timeout: Duration::from_secs(10),
            header_bytes: 64 * 1024,
        }
    }
}

/// What the handlers see: the parts, and what is derived from them once.
pub(super) struct Api {
    pub(super) engine: EngineHandle,
    pub(super) store: Arc<dyn Store>,
    pub(super) cache: Arc<dyn StatusCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) admit: AdmitSettings,
    pub(super) limits: ApiLimits,
    pub(super) ready: watch::Receiver<bool>,
    pub(super) metrics: PrometheusHandle,
    pub(super) traces: TraceIds,
    pub(super) tenant: TenantId,
}

impl From<ApiState> for Api {
    fn from(parts: ApiState) -> Self {
        Self {
            engine: parts.engine,
            store: parts.store,
            cache: parts.cache,
            clock: parts.clock,
            admit: AdmitSettings {
                modes: parts.modes,
                allow_hosts: parts.allow_hosts,
            },
            limits: parts.limits,
            ready: parts.ready,
            metrics: parts.metrics,
            traces: TraceIds::default(),
            tenant: TenantId::default(),
        }
    }
}
