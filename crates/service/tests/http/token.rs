//! Instagram's token through a running service: shown, renewed, kept over restarts,
//! and told of before it lapses.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::{Clock as _, ManualClock, SystemClock};
use fanfare::config::{Config, NoticeLanguage};
use fanfare_simulator::{Clock, RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use crate::live::{goes_wrong, live, request, result};
use crate::notices::{chat, webhook};
use crate::receiver::Receiver;
use crate::support::{PATIENCE, Service};

pub(crate) const DAY: Duration = Duration::from_hours(24);

/// The service's time and the channel's, which go together.
pub(crate) struct Time {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) simulator: RunningSimulator,
}

impl Time {
    pub(crate) async fn begin() -> Self {
        let now = SystemClock::default().now();
        let settings = SimulatorSettings {
            clock: Clock::fixed(now),
            ..SimulatorSettings::default()
        };
        Self {
            clock: Arc::new(ManualClock::new(now)),
            simulator: Simulator::start(settings).await.unwrap(),
        }
    }

    pub(crate) fn pass(&self, by: Duration) {
        self.clock.advance(by);
        self.simulator.clock().advance(by);
    }

    /// Sends a request; meanwhile time goes on.
    async fn distribute(&self, service: &Service, event: &str) -> Value {
        let request = request(&self.simulator, event);
        self.flows_while(service.distribute(&request)).await.success(200)
    }

    /// Time goes on until this is done.
    pub(crate) async fn flows_while<T>(&self, doing: impl Future<Output = T>) -> T {
        let flows = async {
            loop {
                self.pass(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            done = doing => done,
            () = flows => unreachable!("it goes on for ever"),
        }
    }

    pub(crate) async fn start(&self, change: impl FnOnce(&mut Config)) -> Service {
        let live = live(self.simulator.base_url());
        let clock = Arc::clone(&self.clock);
        Service::start_at(clock as _, |config| {
            live(config);
            change(config);
        })
        .await
    }
}

/// How the token stands, once it is so.
async fn becomes(service: &Service, so: impl Fn(&Value) -> bool) -> Value {
    let looked = async {
        loop {
            let answer = service.get("/api/channels").await.success(200);
            let token = answer["channels"][3]["token"].clone();
            assert!(!answer.to_string().contains("canary"), "I16: {answer}");
            if so(&token) {
                return token;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked)
        .await
        .expect("it does not become so")
}

#[tokio::test]
async fn it_is_renewed_and_used_long_after_the_configured_one_has_lapsed() {
    let time = Time::begin().await;
    let service = time.start(|_| {}).await;
    let young = becomes(&service, |token| token["problem"].is_object()).await;
    assert_eq!((&young["state"], &young["expiresAt"]), (&json!("good"), &Value::Null));
    let said = young["problem"]["channelSaid"].as_str().unwrap();
    assert!(said.contains("24 hours old"), "{young}");
    time.pass(DAY + DAY / 24);
    let first = becomes(&service, |token| token["expiresAt"].is_string()).await;
    assert_eq!((&first["state"], &first["problem"]), (&json!("good"), &Value::Null));
    time.pass(31 * DAY);
    let second = becomes(&service, |token| token["setAt"] != first["setAt"]).await;
    assert_ne!(second["expiresAt"], first["expiresAt"]);
    // The configured one has lapsed by now.
    time.pass(31 * DAY);
    becomes(&service, |token| token["setAt"] != second["setAt"]).await;
    let answer = time.distribute(&service, "evt-1").await;
    assert_eq!(result(&answer, "Instagram")["status"], "SUCCESS", "{answer}");
    let change = live(time.simulator.base_url());
    let service = service.restart_at_as(Arc::clone(&time.clock) as _, change).await;
    let answer = time.distribute(&service, "evt-2").await;
    assert_eq!(
        result(&answer, "Instagram")["status"],
        "SUCCESS",
        "kept over a restart: {answer}"
    );
    let database = service.data_bytes();
    for secret in ["canary-token", "IGAAsimulated"] {
        assert!(!contains(&database, secret), "I16: {secret} is in the data directory");
    }
    service.stop().await;
}

/// Two weeks before, a week, three days, one, and when it is over: each once, in both
/// languages.
#[tokio::test]
async fn it_is_told_before_it_lapses_and_each_time_once() {
    let (ops, room) = (Receiver::start().await, Receiver::start().await);
    let time = Time::begin().await;
    let service = time
        .start(|config| config.notices = vec![webhook("ops", &ops), chat("chat", &room)])
        .await;
    becomes(&service, |token| token["problem"].is_object()).await;
    time.pass(DAY + DAY / 24);
    becomes(&service, |token| token["expiresAt"].is_string()).await;
    let broken = json!([{"step": "token", "fault": {"kind": "answer", "status": 500, "body": "out of order"}}]);
    goes_wrong(&time.simulator, &broken).await;
    time.pass(47 * DAY);
    for (count, hours) in [(1, 7 * 24), (2, 4 * 24), (3, 36), (4, 24), (5, 0)] {
        let told = ops.wait_for(count).await;
        assert_eq!(told.len(), count, "once: {:?}", told.last().unwrap().json());
        let notice = told.last().unwrap().json();
        let data = &notice["data"];
        assert_eq!(
            (&notice["type"], &data["channel"], &data["whoActs"]),
            (&json!("token.expiring"), &json!("Instagram"), &json!("owner")),
            "{notice}"
        );
        assert!(
            data["nextStep"].as_str().unwrap().contains("fanfare channels token"),
            "{notice}"
        );
        assert!(data["expiresAt"].is_string(), "{notice}");
        let state = if count == 5 { "expired" } else { "expiring" };
        becomes(&service, |token| token["state"] == state).await;
        time.pass(Duration::from_hours(hours));
    }
    let told = ops
        .all()
        .into_iter()
        .map(|got| got.json().to_string())
        .collect::<String>();
    assert!(!told.contains("canary") && !told.contains("IGAA"), "I16");
    let text = room.wait_for(5).await[4].json()["text"].to_string();
    assert!(
        text.contains("만료되었습니다") && text.contains("채널 계정 소유자"),
        "{text}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_refused_one_is_told_at_once() {
    let ops = Receiver::start().await;
    let time = Time::begin().await;
    let service = time
        .start(|config| {
            config.channels.instagram.access_token = Some(fanfare_channels::secret::Secret::new("canary-expired"));
            let mut chat = chat("chat", &ops);
            chat.language = NoticeLanguage::En;
            config.notices = vec![chat];
        })
        .await;
    let text = ops.wait_for(1).await[0].json()["text"].to_string();
    for words in [
        "Instagram: the access token is refused",
        "The channel said: 190",
        "Log in",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("canary"), "I16");
    let token = becomes(&service, |token| token["state"] == "refused").await;
    assert_eq!(token["problem"]["code"], "auth_expired");
    service.stop().await;
}

/// Nodes that share a database and have no key for it go on with what is configured;
/// and a channel that is no Instagram has no token to show.
#[tokio::test]
async fn a_mock_has_none() {
    let service = Service::start().await;
    let answer = service.get("/api/channels").await.success(200);
    let channels = answer["channels"].as_array().unwrap();
    assert!(channels.iter().all(|channel| channel["token"].is_null()), "{answer}");
    service.stop().await;
}

pub(crate) fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}
