//! A simulated channel, and how the suite speaks with it: by its control routes,
//! as anybody would.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_core::decode::decode;
use fanfare_core::delivery::Delivery;
use fanfare_core::engine::Call;
use fanfare_core::ids::{DeliveryId, DistributionId, TenantId};
use fanfare_core::request::{CanonicalRequest, DistributeRequest};
use fanfare_simulator::{Clock, Effect, RunningSimulator, Simulator, SimulatorSettings};
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// Real time that one call may take.
const DEADLINE: Duration = Duration::from_millis(250);

/// What the suite must know of a channel.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    /// Its prefix in the simulator, and its name in faults and effects.
    pub(crate) name: &'static str,
    /// Its steps in the simulator's words, in the order of the protocol.
    pub(crate) steps: &'static [&'static str],
    /// The one of them that has the effect.
    pub(crate) effecting: &'static str,
    /// The step that takes down what is live, where there is one.
    pub(crate) withdrawing: Option<&'static str>,
    /// Makes the client; the simulator's host and port are where pictures are.
    pub(crate) client: fn(Api, &str) -> Arc<dyn ChannelClient>,
    /// A request that the channel takes.
    pub(crate) request: fn() -> Value,
    /// Answers to the effecting step that it calls permanent: status and body,
    /// and the code that people are told.
    pub(crate) permanent: &'static [(u16, &'static str, &'static str)],
}

/// A simulator of its own for each test.
pub(crate) struct Simulated {
    pub(crate) subject: Subject,
    simulator: RunningSimulator,
}

impl Simulated {
    pub(crate) async fn start(subject: Subject) -> Self {
        Self::start_at(subject, "2026-11-24T01:00:00Z".parse().unwrap()).await
    }

    pub(crate) async fn start_at(subject: Subject, now: Timestamp) -> Self {
        let settings = SimulatorSettings {
            clock: Clock::fixed(now),
            ..SimulatorSettings::default()
        };
        Self {
            subject,
            simulator: Simulator::start(settings).await.unwrap(),
        }
    }

    pub(crate) fn client(&self) -> Arc<dyn ChannelClient> {
        self.client_of(self.simulator.base_url(), "token")
    }

    /// For an address where nobody listens, or a token that is refused.
    pub(crate) fn client_of(&self, base_url: &str, token: &str) -> Arc<dyn ChannelClient> {
        let http = HttpClient::new(&HttpSettings {
            deadline: DEADLINE,
            connect_timeout: DEADLINE,
            ..HttpSettings::default()
        });
        let base = format!("{base_url}/{}", self.subject.name).parse().unwrap();
        let pictures = self.simulator.address.to_string();
        (self.subject.client)(Api::new(http.unwrap(), base, Secret::new(token)), &pictures)
    }

    pub(crate) fn base_url(&self) -> &str {
        self.simulator.base_url()
    }

    pub(crate) fn request(&self) -> DistributeRequest {
        let decoded = decode(&(self.subject.request)(), &[], self.now());
        assert_eq!(decoded.faults, []);
        let mut request = decoded.request.unwrap();
        // Media that can be fetched, for those who do.
        let here = |name: &str| format!("{}/media/{name}", self.base_url());
        let urls = &mut request.content_urls;
        if urls.video_url.is_some() {
            urls.video_url = Some(here("a.mp4"));
        } else {
            urls.image_url = Some(here("a.jpg"));
        }
        urls.audio_url = Some(here("a.mp3"));
        for (place, url) in request
            .channel_options
            .instagram
            .iter_mut()
            .flat_map(|own| own.image_urls.iter_mut().enumerate())
        {
            *url = here(&format!("{}.jpg", place + 1));
        }
        request
    }

    /// A call of this tenant's, whose first attempt began then.
    pub(crate) fn call(&self, id: u128, tenant: &str, began: Timestamp) -> Call {
        let request = self.request();
        let id = Uuid::from_u128(id);
        let mut delivery = Delivery::new(DeliveryId(id), request.channels[0], Mode::Live, began);
        (delivery.attempt, delivery.attempt_started_at) = (1, Some(began));
        Call {
            files: Vec::new(),
            number: 1,
            tenant: TenantId::new(tenant),
            distribution: DistributionId(id),
            request: Arc::new(CanonicalRequest::new(request)),
            delivery,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.simulator.clock().now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.simulator.clock().advance(by);
    }

    /// From now on, this lies at the place of that name.
    pub(crate) fn put_media(&self, name: &str, bytes: Vec<u8>) {
        self.simulator.put_media(name, bytes);
    }

    /// What came to be, as the channel itself tells it.
    pub(crate) fn made(&self) -> Vec<Effect> {
        self.simulator.effects()
    }

    /// Things that can be seen now, as the channel itself counts them.
    pub(crate) fn seen(&self) -> usize {
        let effects = self.simulator.effects();
        effects.iter().filter(|effect| effect.withdrawn_at.is_none()).count()
    }

    /// Things that came to be, as the channel itself counts them.
    pub(crate) async fn effects(&self) -> usize {
        let answer = self.control("GET", "effects", Value::Null).await;
        answer["effects"].as_array().unwrap().len()
    }

    /// How often the channel was called at all.
    pub(crate) async fn asked(&self) -> usize {
        let answer = self.control("GET", "requests", Value::Null).await;
        let requests = answer["requests"].as_array().unwrap();
        let of_channel = |request: &&Value| request["channel"] == self.subject.name;
        requests.iter().filter(of_channel).count()
    }

    /// How often it was asked for this step, whatever it answered.
    pub(crate) async fn asked_for(&self, step: &str) -> usize {
        let answer = self.control("GET", "requests", Value::Null).await;
        let requests = answer["requests"].as_array().unwrap();
        requests.iter().filter(|request| request["step"] == step).count()
    }

    /// How often the channel did what it was asked for in this step.
    pub(crate) async fn done(&self, step: &str) -> usize {
        let answer = self.control("GET", "requests", Value::Null).await;
        let requests = answer["requests"].as_array().unwrap();
        let is_done = |request: &&Value| request["step"] == step && request["status"] == 200;
        requests.iter().filter(is_done).count()
    }

    /// Puts these faults in force.
    pub(crate) async fn goes_wrong(&self, rules: &Value) {
        self.control("PUT", "faults", json!({ "rules": rules })).await;
    }

    /// Whether a fault met any request.
    pub(crate) async fn went_wrong(&self) -> bool {
        let answer = self.control("GET", "requests", Value::Null).await;
        let requests = answer["requests"].as_array().unwrap();
        requests.iter().any(|request| !request["fault"].is_null())
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/_simulator/{path}", self.base_url());
        let body = Bytes::from(body.to_string());
        let request = Request::builder().method(method).uri(url).body(body).unwrap();
        let settings = HttpSettings {
            // All the requests of days.
            max_answer_bytes: 16 * 1_024 * 1_024,
            ..HttpSettings::default()
        };
        let http = HttpClient::new(&settings).unwrap();
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json().unwrap()
    }
}
