//! Kakao Channel live, by configuration alone: over HTTP, at the simulator, with a
//! list that was imported as an operator would.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use fanfare::config::{ChannelConfig, Config};
use fanfare::recipients::RecipientLists;
use fanfare_channels::secret::Secret;
use fanfare_core::advertising::FrequencyCap;
use fanfare_core::channel::Mode;
use fanfare_core::ids::TenantId;
use fanfare_simulator::{Clock, RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::live::{effects, goes_wrong, once, result};
use crate::support::Service;

pub(crate) const SIGNATURE: &str = "canary-signature-of-nhn";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(crate) const NUMBERS: [&str; 3] = ["01055550107", "01055550108", "01055550109"];

/// Simulator and service, both at this time, and a list of three people.
pub(crate) async fn start(now: &str) -> (RunningSimulator, Service, Arc<ManualClock>, TempDir) {
    start_capped(now, None).await
}

/// The same, and how often each of them is sent something at most.
async fn start_capped(now: &str, cap: Option<FrequencyCap>) -> (RunningSimulator, Service, Arc<ManualClock>, TempDir) {
    let now = now.parse().unwrap();
    let simulator = Simulator::start(SimulatorSettings {
        clock: Clock::fixed(now),
        ..SimulatorSettings::default()
    });
    let simulator = simulator.await.unwrap();
    let folder = TempDir::new().unwrap();
    let lists = RecipientLists::new(folder.path().to_owned(), &Secret::new(KEY)).unwrap();
    let head = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at";
    let lines = NUMBERS.map(|number| format!("{number},customer,2026-03-01T12:00:00+09:00,web form,true,false,,"));
    let table = format!("{head}\n{}\n", lines.join("\n"));
    lists.import(&TenantId::default(), "friends", &table).unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let configure = live(&simulator, &folder);
    let configure = move |config: &mut Config| {
        configure(config);
        config.channels.kakao_channel.frequency_cap = cap;
    };
    let service = Service::start_at(Arc::clone(&clock) as _, configure).await;
    (simulator, service, clock, folder)
}

fn live(simulator: &RunningSimulator, folder: &TempDir) -> impl Fn(&mut Config) + use<> {
    let channel = ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{}/kakao-channel", simulator.base_url())),
        access_token: Some(Secret::new("canary-token")),
        app_key: Some("app".to_owned()),
        sender_key: Some("sender".to_owned()),
        sender_name: Some("봄 빵집".to_owned()),
        unsubscribe_number: Some("080-555-0100".to_owned()),
        recipient_list: Some("friends".to_owned()),
        webhook_signature: Some(Secret::new(SIGNATURE)),
        recipient_lists: Some(folder.path().to_owned()),
        poll_interval_ms: 1,
        settle_ms: 1,
        second_look_ms: 50,
        ..ChannelConfig::default()
    };
    let host = simulator.address.to_string();
    move |config| {
        config.channels.kakao_channel = channel.clone();
        config.recipients_key = Some(Secret::new(KEY));
        config.media.allow_hosts = vec![host.clone()];
        config.calls.deadline_ms = 5_000;
    }
}

pub(crate) fn request(simulator: &RunningSimulator) -> Value {
    json!({
        "eventId": "evt-1",
        "channels": ["KakaoChannel", "Instagram"],
        "contentUrls": {"imageUrl": format!("{}/media/a.jpg", simulator.base_url())},
        "channelOptions": {"KakaoChannel": {"message": "여는 날 10% 할인"}},
    })
}

/// The answer; both clocks stand still until they are moved.
pub(crate) async fn distributed(service: &Service, clock: &ManualClock, asked: &Value) -> Value {
    let moving = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            clock.advance(Duration::from_millis(20));
        }
    };
    let answer = tokio::select! {
        answer = service.distribute(asked) => answer,
        () = moving => unreachable!("it has no end"),
    };
    answer.success(200)
}

/// I16, I20: neither the secret nor a number is shown anywhere.
pub(crate) async fn shows_nothing_private(service: &Service, answer: &Value) {
    let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
    for path in [
        path.clone(),
        format!("{path}/attempts"),
        format!("{path}/history"),
        "/metrics".to_owned(),
    ] {
        let shown = service.get(&path).await;
        let shown = String::from_utf8_lossy(&shown.body).into_owned();
        assert!(!shown.contains("canary") && !shows_a_number(&shown), "{path}: {shown}");
    }
}

/// However it is parted: of somebody on the list.
fn shows_a_number(text: &str) -> bool {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' ' | '.' | '(' | ')'))
        .collect();
    NUMBERS.iter().any(|number| digits.contains(&number[3..]))
}

#[test]
fn a_number_would_be_seen() {
    for text in ["01055550107", "010-5555-0107", "+82 10 5555 0108", "(010) 5555.0109"] {
        assert!(shows_a_number(&format!("to {text}: no")), "{text}");
    }
    assert!(!shows_a_number("080-555-0100"));
}

#[tokio::test]
async fn it_is_really_sent_to_the_list_and_labelled() {
    let (simulator, service, clock, _folder) = start("2026-11-24T10:00:00+09:00").await;
    let answer = distributed(&service, &clock, &request(&simulator)).await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let kakao = result(&answer, "KakaoChannel");
    assert_eq!(
        (&kakao["mode"], &kakao["channelState"]),
        (&json!("live"), &json!("accepted"))
    );
    let why = json!({"noEvidence": 0, "notToAdvertising": 0, "withdrawn": 0, "notReconfirmed": 0, "night": 0, "suppressed": 0});
    let counts = json!({"sent": 3, "delivered": 0, "failed": 0, "refused": 0, "blocked": 0, "blockedBy": why, "capped": 0,
        "notSent": 0});
    assert_eq!(kakao["recipients"], counts, "{answer}");
    let made = simulator.effects();
    assert_eq!(made.len(), 1);
    assert_eq!(kakao["messageId"], json!(made[0].remote_id));
    let mut numbers: Vec<_> = made[0].content["recipients"].as_array().unwrap().clone();
    numbers.sort_by_key(ToString::to_string);
    assert_eq!(numbers, NUMBERS);
    let text = made[0].content["content"].as_str().unwrap();
    assert_eq!(text, "(광고) 여는 날 10% 할인\n\n봄 빵집 | 무료수신거부 080-555-0100");
    shows_nothing_private(&service, &answer).await;
    service.stop().await;
}

/// A tenant's own sender, with the tenant's own name and opt-out, to the tenant's own list.
#[tokio::test]
async fn a_tenant_is_sent_for_as_its_own_sender() {
    let (simulator, service, clock, folder) = start("2026-11-24T10:00:00+09:00").await;
    let lists = RecipientLists::new(folder.path().to_owned(), &Secret::new(KEY)).unwrap();
    let table = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at\n\
                 01055550107,customer,2026-03-01T12:00:00+09:00,web form,true,false,,\n";
    lists.import(&TenantId::new("cafe"), "regulars", table).unwrap();
    let key = service.key("cafe", &[fanfare_core::api_key::Scope::Admin]).await;
    let account = json!({"appKey": "cafe-app", "senderKey": "cafe-sender", "senderName": "달 카페",
        "unsubscribeNumber": "080-555-0199", "recipientList": "regulars", "accessToken": "canary-of-cafe"});
    let path = "/api/channels/KakaoChannel/account";
    let kept = service.send("PUT", path, &[key.header()], &account).await.success(200);
    for (name, value) in account.as_object().unwrap() {
        let shown = if name == "accessToken" { &Value::Null } else { value };
        assert_eq!(&kept[name], shown, "{name}");
    }
    let (asked, headers) = (request(&simulator), [key.header()]);
    let answer = service.post_with("/api/distribution/distribute", &headers, &asked);
    let moving = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            clock.advance(Duration::from_millis(20));
        }
    };
    let answer = tokio::select! {
        answer = answer => answer.success(200),
        () = moving => unreachable!("it has no end"),
    };
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let made = simulator.effects();
    assert_eq!((made.len(), &*made[0].account), (1, "cafe-sender"));
    assert_eq!(made[0].content["recipients"], json!(["01055550107"]));
    let text = made[0].content["content"].as_str().unwrap();
    assert_eq!(text, "(광고) 여는 날 10% 할인\n\n달 카페 | 무료수신거부 080-555-0199");
    // What stands around the text counts at the door, too: here it is this tenant's.
    let long = json!({"senderName": "가".repeat(200), "appKey": "cafe-app", "senderKey": "cafe-sender",
        "unsubscribeNumber": "080-555-0199", "accessToken": "canary-of-cafe"});
    service.send("PUT", path, &headers, &long).await.success(200);
    let mut full = asked.clone();
    full["channelOptions"]["KakaoChannel"]["message"] = json!("가".repeat(1_150));
    let preview = "/api/distribution/preview";
    let faults = |answer: Value| answer["channels"][0]["faults"].as_array().unwrap().len();
    assert_eq!(
        faults(service.post_with(preview, &headers, &full).await.success(200)),
        1
    );
    service.stop().await;
}

#[tokio::test]
async fn by_night_it_waits_and_says_until_when() {
    let (simulator, service, _clock, _folder) = start("2026-11-24T23:00:00+09:00").await;
    let answer = service.distribute(&request(&simulator)).await.success(200);
    let kakao = result(&answer, "KakaoChannel");
    assert_eq!(
        (&kakao["status"], &kakao["code"]),
        (&json!("WAITING"), &json!("night_hours")),
        "{answer}"
    );
    assert!(
        kakao["retryAt"].as_str().unwrap().starts_with("2026-11-24T23:00:00"),
        "08:00 in Korea: {kakao}"
    );
    assert_eq!(effects(&simulator, "kakao-channel"), 0);
    service.stop().await;
}

#[tokio::test]
async fn what_the_channel_says_of_a_number_is_not_repeated() {
    let (simulator, service, _clock, _folder) = start("2026-11-24T10:00:00+09:00").await;
    let message = "to 010-5555-0107, +82 10 5555 0108, (010) 5555.0109: too long";
    let said = json!({"header": {"isSuccessful": false, "resultCode": 3014, "resultMessage": message}});
    let fault = json!({"kind": "answer", "status": 200, "body": said});
    goes_wrong(&simulator, &once("kakao-channel", "send", &fault)).await;
    let answer = service.distribute(&request(&simulator)).await.success(200);
    assert_eq!(result(&answer, "KakaoChannel")["code"], "content_rejected", "{answer}");
    let path = format!(
        "/api/distributions/{}/attempts",
        answer["distributionId"].as_str().unwrap()
    );
    let attempts = service.get(&path).await;
    let attempts = String::from_utf8_lossy(&attempts.body).into_owned();
    assert!(attempts.contains("too long"), "what else it said is shown: {attempts}");
    shows_nothing_private(&service, &answer).await;
    service.stop().await;
}

/// What the law wants around a message counts, and is seen before anything is sent.
#[tokio::test]
async fn a_message_that_fits_alone_and_not_with_what_is_added_is_refused_at_the_door() {
    let (simulator, service, _clock, _folder) = start("2026-11-24T10:00:00+09:00").await;
    let mut asked = request(&simulator);
    asked["channelOptions"]["KakaoChannel"]["message"] = json!("가".repeat(1_290));
    let answer = service.distribute(&asked).await;
    assert_eq!(answer.status, 422);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(body.contains("at most 1267 characters"), "{body}");
    assert_eq!(effects(&simulator, "kakao-channel"), 0);
    service.stop().await;
}

/// What people would get and when, and that there is nobody to get it.
#[tokio::test]
async fn the_preview_shows_the_message_as_it_is_sent_the_hour_and_a_list_that_is_missing() {
    let (simulator, service, clock, folder) = start("2026-11-24T23:00:00+09:00").await;
    let asked = {
        let mut asked = request(&simulator);
        asked["content"] = json!({"hashtags": ["빵집"]});
        asked
    };
    let preview = async |asked: &Value| {
        let shown = service.post("/api/distribution/preview", asked).await.success(200);
        (shown["channels"][0].clone(), shown["wouldBeAccepted"].clone())
    };
    let codes = |shown: &Value| {
        let warnings = shown["warnings"].as_array().unwrap().iter();
        warnings.map(|warning| warning["code"].clone()).collect::<Vec<_>>()
    };
    let (by_night, _) = preview(&asked).await;
    let framed = "(광고) 여는 날 10% 할인\n\n봄 빵집 | 무료수신거부 080-555-0100";
    assert_eq!(by_night["content"]["message"], framed);
    assert_eq!(by_night["sendableFrom"], "2026-11-24T23:00:00Z", "08:00 in Korea");
    assert_eq!(codes(&by_night), ["hashtags_left_out", "night_hours"], "{by_night}");
    // It is day then.
    let mut later = asked.clone();
    later["scheduledAt"] = json!("2026-11-25T12:00:00+09:00");
    assert!(preview(&later).await.0["sendableFrom"].is_null());
    clock.advance(Duration::from_hours(12));
    let (by_day, _) = preview(&asked).await;
    assert!(by_day["sendableFrom"].is_null(), "{by_day}");
    assert_eq!(codes(&by_day), ["hashtags_left_out"]);
    later["scheduledAt"] = json!("2026-11-25T20:55:00+09:00");
    let (scheduled, _) = preview(&later).await;
    assert_eq!(scheduled["warnings"][1]["pointer"], "/scheduledAt", "{scheduled}");

    let mut nobody = asked.clone();
    nobody["channelOptions"]["KakaoChannel"]["recipientListRef"] = json!("regulars");
    let (shown, accepted) = preview(&nobody).await;
    assert_eq!(shown["faults"][0]["code"], "unknown_recipient_list", "{shown}");
    assert_eq!((&shown["wouldSend"], accepted), (&json!(false), json!(false)));
    let at_the_door = service.distribute(&nobody).await;
    let pointer = "/channelOptions/KakaoChannel/recipientListRef".to_owned();
    assert_eq!(at_the_door.faults(), [(pointer, "unknown_recipient_list".to_owned())]);
    // What was accepted with a list that was taken away since is answered as any repeat.
    nobody["channelOptions"]["KakaoChannel"]["recipientListRef"] = json!("friends");
    let first = distributed(&service, &clock, &nobody).await;
    std::fs::remove_file(folder.path().join("default/friends")).unwrap();
    let again = service.distribute(&nobody).await.success(200);
    assert_eq!(again["distributionId"], first["distributionId"]);
    service.stop().await;
}

/// Whatever the event, whatever list they are on, and whatever a request says.
#[tokio::test]
async fn nobody_is_sent_more_than_the_frequency_cap_allows() {
    let cap = FrequencyCap { messages: 2, days: 7 };
    let (simulator, service, clock, folder) = start_capped("2026-11-24T10:00:00+09:00", Some(cap)).await;
    // Only the channel that has a cap; one of them is on another list, too.
    let asked = |event: &str, list: &str| {
        let mut asked = request(&simulator);
        (asked["eventId"], asked["channels"]) = (json!(event), json!(["KakaoChannel"]));
        asked["channelOptions"]["KakaoChannel"]["recipientListRef"] = json!(list);
        asked
    };
    let head = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at";
    let table = format!(
        "{head}\n{},customer,2026-03-01T12:00:00+09:00,web form,true,false,,\n",
        NUMBERS[0]
    );
    let lists = RecipientLists::new(folder.path().to_owned(), &Secret::new(KEY)).unwrap();
    lists.import(&TenantId::default(), "regulars", &table).unwrap();
    let sent = |answer: &Value| result(answer, "KakaoChannel")["status"] == "SUCCESS";
    // What the channel refuses counts for nobody.
    let too_long = json!({"header": {"isSuccessful": false, "resultCode": 3014, "resultMessage": "too long"}});
    let fault = json!({"kind": "answer", "status": 200, "body": too_long});
    goes_wrong(&simulator, &once("kakao-channel", "send", &fault)).await;
    let refused = distributed(&service, &clock, &asked("evt-0", "friends")).await;
    assert!(!sent(&refused), "{refused}");
    for (event, list) in [("evt-1", "regulars"), ("evt-2", "friends")] {
        let answer = distributed(&service, &clock, &asked(event, list)).await;
        assert!(sent(&answer), "{answer}");
    }
    // The regular has had two, the other two have had one.
    let third = distributed(&service, &clock, &asked("evt-3", "friends")).await;
    assert!(sent(&third), "{third}");
    assert_eq!(result(&third, "KakaoChannel")["recipients"]["capped"], 1);
    let made = simulator.effects();
    let people = |at: usize| made[at].content["recipients"].as_array().unwrap().len();
    assert_eq!((made.len(), people(0), people(1), people(2)), (3, 1, 3, 2));
    // Now everybody has, and to ask for a repeat changes nothing.
    let mut again = asked("evt-3", "friends");
    again["allowRepeat"] = json!(true);
    for asked in [asked("evt-4", "friends"), again] {
        let answer = distributed(&service, &clock, &asked).await;
        let kakao = result(&answer, "KakaoChannel");
        assert_eq!(
            (&kakao["status"], &kakao["code"]),
            (&json!("FAILED"), &json!("frequency_cap_reached")),
            "{answer}"
        );
    }
    assert_eq!(effects(&simulator, "kakao-channel"), 3);
    clock.advance(Duration::from_hours(7 * 24));
    let later = distributed(&service, &clock, &asked("evt-5", "friends")).await;
    assert!(sent(&later), "{later}");
    let kept = folder.path().join("default/.sent");
    for file in std::fs::read_dir(kept).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!shows_a_number(&text), "{text}");
    }
    service.stop().await;
}
