//! What the endpoints work with. It is put together once, at start, and shared.

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::media::links::MediaLinks;
use fanfare_channels::naver_blog::hand_off::HandOff;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::credential::TokenStanding;
use fanfare_core::ids::TenantId;
use fanfare_core::spend::SpendCaps;
use fanfare_core::validate::AdmitSettings;
use fanfare_core::validate::instagram::HashtagsMax;
use fanfare_core::verified::VerifiedNumbers;
use fanfare_ledger::{Store, StoreError};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::caller::Caller;
use super::envelope::TraceIds;
use super::place::Places;
use super::routes::NeedsOfRoutes;
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::keys::Keyring;
use crate::perform::EngineHandle;
use crate::status::StatusCache;

/// The parts that the API is made of.
pub struct ApiState {
    /// The door to the engine.
    pub engine: EngineHandle,
    /// For reading.
    pub store: Arc<dyn Store>,
    /// Who may come in.
    pub keys: Keyring,
    /// For the status of an event.
    pub cache: Arc<dyn StatusCache>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How each channel is called, by [`Channel::index`].
    pub modes: [Mode; Channel::ALL.len()],
    /// How Instagram's token stands, where it is looked after.
    pub token: Option<watch::Receiver<Option<TokenStanding>>>,
    /// What tenants may spend.
    pub spend_caps: SpendCaps,
    /// Opens the pages of posts that are handed to a person, where there are any.
    pub hand_off: Option<Arc<HandOff>>,
    /// By which NHN Cloud's webhook is known, where there is one.
    pub kakao_signature: Option<Secret>,
    /// Pictures that were made to fit, where there are any.
    pub media: Option<Arc<MediaLinks>>,
    /// Hosts that may be named although they are local or private.
    pub allow_hosts: Vec<String>,
    /// The lines whose ring-back tone may be replaced.
    pub verified_numbers: Arc<VerifiedNumbers>,
    /// How many hashtags a post on Instagram may have.
    pub hashtags_max: HashtagsMax,
    /// Whom tenants' requests are sent as.
    pub accounts: Arc<Accounts>,
    /// Of each channel, by [`Channel::index`]: hosts beside its own on which a
    /// post's link is believed.
    pub post_hosts: [Vec<String>; Channel::ALL.len()],
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
    /// Requests that wait for channels at once.
    pub waiting: usize,
    /// Event streams at once.
    pub streams: usize,
    /// Between two signs of life on an event stream.
    pub heartbeat: Duration,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            default_wait: Duration::from_secs(30),
            body_bytes: 1_500_000,
            body_timeout: Duration::from_secs(10),
            header_bytes: 64 * 1024,
            waiting: 512,
            streams: 256,
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// What the handlers see: the parts, and what is derived from them once.
pub(super) struct Api {
    pub(super) engine: EngineHandle,
    pub(super) store: Arc<dyn Store>,
    pub(super) keys: Keyring,
    /// What each route asks for.
    pub(super) needs: NeedsOfRoutes,
    pub(super) cache: Arc<dyn StatusCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) token: Option<watch::Receiver<Option<TokenStanding>>>,
    pub(super) hand_off: Option<Arc<HandOff>>,
    pub(super) kakao_signature: Option<Secret>,
    pub(super) media: Option<Arc<MediaLinks>>,
    /// What is the same for all tenants.
    pub(super) admit: AdmitSettings,
    pub(super) spend_caps: SpendCaps,
    pub(super) post_hosts: [Vec<String>; Channel::ALL.len()],
    pub(super) accounts: Arc<Accounts>,
    pub(super) limits: ApiLimits,
    /// Places for requests that wait for channels.
    pub(super) places: Places,
    /// Places for event streams.
    pub(super) streams: Arc<Semaphore>,
    pub(super) ready: watch::Receiver<bool>,
    pub(super) metrics: PrometheusHandle,
    pub(super) traces: TraceIds,
}

impl Api {
    pub(super) fn new(parts: ApiState, needs: NeedsOfRoutes) -> Self {
        Self {
            engine: parts.engine,
            store: parts.store,
            keys: parts.keys,
            needs,
            cache: parts.cache,
            clock: parts.clock,
            token: parts.token,
            hand_off: parts.hand_off,
            kakao_signature: parts.kakao_signature,
            media: parts.media,
            admit: AdmitSettings {
                modes: parts.modes,
                allow_hosts: parts.allow_hosts,
                verified_numbers: parts.verified_numbers,
                hashtags_max: parts.hashtags_max,
                kakao_frame: None,
                unknown_list: None,
                tenant: TenantId::default(),
            },
            spend_caps: parts.spend_caps,
            post_hosts: parts.post_hosts,
            accounts: parts.accounts,
            places: Places::new(parts.limits.waiting),
            streams: Arc::new(Semaphore::new(parts.limits.streams)),
            limits: parts.limits,
            ready: parts.ready,
            metrics: parts.metrics,
            traces: TraceIds::default(),
        }
    }

    /// What bears on the acceptance of this caller's requests.
    pub(super) async fn admit_for(&self, caller: &Caller) -> Result<AdmitSettings, StoreError> {
        Ok(AdmitSettings {
            tenant: caller.tenant.clone(),
            kakao_frame: self.accounts.kakao_frame(&caller.tenant).await?,
            ..self.admit.clone()
        })
    }

    /// The same for one body: whether there is the list of recipients that it names.
    pub(super) async fn admit_of(&self, caller: &Caller, body: &Value) -> Result<AdmitSettings, StoreError> {
        let admit = self.admit_for(caller).await?;
        let (channel, path) = (Channel::KakaoChannel, "/channelOptions/KakaoChannel/recipientListRef");
        let named = body.pointer(path).and_then(Value::as_str);
        let named = named.filter(|_| admit.modes[channel.index()] == Mode::Live);
        let Some(named) = named else { return Ok(admit) };
        let has = self.engine.has_list(&caller.tenant, channel, named).await;
        Ok(AdmitSettings {
            unknown_list: (has == Some(false)).then(|| named.to_owned()),
            ..admit
        })
    }
}
