//! The token of a tenant's own account of Instagram, through a running service: renewed,
//! shown and told of as the configured one is, to whom it concerns.

use std::sync::Arc;
use std::time::Duration;

use fanfare::config::{Config, NoticeEndpoint};
use serde_json::{Value, json};

use crate::accounts::{Tenant, accounts, instagram};
use crate::live::{goes_wrong, live, request, result};
use crate::notices::{chat, webhook};
use crate::receiver::Receiver;
use crate::support::{DISTRIBUTE, PATIENCE, Service};
use crate::token::{DAY, Time, contains};

const ACCOUNT: &str = "/api/channels/Instagram/account";

/// Old enough to be renewed.
const AGED: Duration = Duration::from_hours(25);

/// How its token stands, once it is so.
async fn becomes(tenant: &Tenant<'_>, so: impl Fn(&Value) -> bool) -> Value {
    let looked = async {
        loop {
            let answer = tenant.get(ACCOUNT).await.success(200);
            assert!(
                !answer.to_string().contains("canary") && !answer.to_string().contains("IGAA"),
                "I16: {answer}"
            );
            if so(&answer["token"]) {
                return answer["token"].clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked)
        .await
        .expect("it does not become so")
}

async fn known_end(tenant: &Tenant<'_>) -> Value {
    becomes(tenant, |token| token["expiresAt"].is_string()).await
}

/// It announces an event on Instagram alone; on which account that stands then.
async fn announces(time: &Time, tenant: &Tenant<'_>, event: &str) -> Vec<String> {
    let mut request = request(&time.simulator, event);
    request["channels"] = json!(["Instagram"]);
    let answer = time.flows_while(tenant.post(DISTRIBUTE, &request)).await.success(200);
    assert_eq!(result(&answer, "Instagram")["status"], "SUCCESS", "{answer}");
    accounts(&time.simulator, "instagram", event)
}

fn no_configured_token(config: &mut Config) {
    config.channels.instagram.access_token = None;
    config.channels.instagram.account_id = None;
}

#[tokio::test]
async fn it_is_renewed_and_used_long_after_the_one_that_was_handed_over_has_lapsed() {
    let time = Time::begin().await;
    let service = time.start(no_configured_token).await;
    let [bakery, cafe] = [Tenant::of(&service, "bakery").await, Tenant::of(&service, "cafe").await];
    for (tenant, id, token) in [
        (&bakery, "17841", "canary-of-bakery"),
        (&cafe, "17842", "canary-of-the-cafe"),
    ] {
        let kept = tenant.put("Instagram", &instagram(id, token)).await.success(200);
        assert_eq!(kept["token"]["state"], "good", "{kept}");
    }
    time.pass(DAY / 24);
    let young = becomes(&cafe, |token| token["problem"].is_object()).await;
    let said = young["problem"]["channelSaid"].as_str().unwrap();
    assert!(said.contains("24 hours old") && young["triedAt"].is_string(), "{young}");
    time.pass(AGED);
    let first = known_end(&cafe).await;
    assert_eq!((&first["state"], &first["problem"]), (&json!("good"), &Value::Null));
    assert_eq!(
        cafe.channel("Instagram").await["token"],
        first,
        "and in the list of channels"
    );
    let of_bakery = known_end(&bakery).await;
    time.pass(31 * DAY);
    let is_news = |before: &Value| {
        let before = before["setAt"].clone();
        move |token: &Value| token["setAt"] != before
    };
    let second = becomes(&cafe, is_news(&first)).await;
    assert_ne!(second["expiresAt"], first["expiresAt"]);
    let of_bakery = becomes(&bakery, is_news(&of_bakery)).await;
    // Those that were handed over have lapsed by now.
    time.pass(31 * DAY);
    becomes(&cafe, is_news(&second)).await;
    becomes(&bakery, is_news(&of_bakery)).await;
    assert_eq!(announces(&time, &cafe, "evt-cafe").await, ["17842"]);
    assert_eq!(announces(&time, &bakery, "evt-bakery").await, ["17841"]);

    let key = cafe.key;
    let change = live(time.simulator.base_url());
    let change = |config: &mut Config| {
        change(config);
        no_configured_token(config);
    };
    let service = service.restart_at_as(Arc::clone(&time.clock) as _, change).await;
    let cafe = Tenant { service: &service, key };
    assert_eq!(
        announces(&time, &cafe, "evt-again").await,
        ["17842"],
        "kept over a restart"
    );
    // A platform that hands over what it has does not put the lapsed one back.
    let again = instagram("17842", "canary-of-the-cafe");
    cafe.put("Instagram", &again).await.success(200);
    assert_eq!(announces(&time, &cafe, "evt-later").await, ["17842"]);
    let database = service.data_bytes();
    for secret in ["canary-of", "IGAAsimulated"] {
        assert!(!contains(&database, secret), "I16: {secret} is in the data directory");
    }
    service.stop().await;
}

/// A bakery's token and a cafe's, which lapse in two weeks, and nobody can renew them.
async fn both_lapse<'s>(time: &Time, service: &'s Service) -> [Tenant<'s>; 2] {
    let [bakery, cafe] = [Tenant::of(service, "bakery").await, Tenant::of(service, "cafe").await];
    for (tenant, id) in [(&bakery, "17841"), (&cafe, "17842")] {
        let account = instagram(id, &format!("canary-token-{id}"));
        tenant.put("Instagram", &account).await.success(200);
    }
    time.pass(DAY / 24);
    becomes(&cafe, |token| token["problem"].is_object()).await;
    time.pass(AGED);
    known_end(&cafe).await;
    known_end(&bakery).await;
    let broken = json!([{"step": "token", "fault": {"kind": "answer", "status": 500, "body": "out of order"}}]);
    goes_wrong(&time.simulator, &broken).await;
    time.pass(47 * DAY);
    [bakery, cafe]
}

/// Whose token it is that lapses.
fn names(notice: &Value, tenant: &str) {
    let data = &notice["data"];
    let said = [&notice["type"], &data["channel"], &data["tenant"], &data["whoActs"]];
    assert_eq!(said, ["token.expiring", "Instagram", tenant, "owner"]);
    let title = data["title"].as_str().unwrap();
    assert_eq!(title, format!("Instagram: {tenant}'s access token lapses soon"));
    let link = data["link"].as_str().unwrap();
    let place = format!("{ACCOUNT}?tenant={tenant}");
    assert!(data["expiresAt"].is_string() && link.ends_with(&place), "{link}");
}

/// The operator and the tenant's own endpoint, and nobody else's: at each step once, over a
/// restart, until there is another token.
#[tokio::test]
async fn it_is_told_before_it_lapses_to_the_operator_and_to_whose_it_is() {
    let [ops, own, other] = [
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    ];
    let of = |name: &str, receiver: &Receiver| NoticeEndpoint {
        tenant: Some(name.to_owned()),
        ..webhook(name, receiver)
    };
    let endpoints = vec![webhook("ops", &ops), of("cafe", &own), of("bakery", &other)];
    let time = Time::begin().await;
    let service = time
        .start(|config| {
            no_configured_token(config);
            config.notices.clone_from(&endpoints);
        })
        .await;
    let [bakery, cafe] = both_lapse(&time, &service).await;
    for (count, hours) in [(1, 7 * 24), (2, 4 * 24)] {
        assert_eq!(ops.wait_for(2 * count).await.len(), 2 * count, "each once");
        for (receiver, tenant) in [(&own, "cafe"), (&other, "bakery")] {
            let told = receiver.wait_for(count).await;
            assert_eq!(told.len(), count, "its own, once");
            names(&told.last().unwrap().json(), tenant);
        }
        becomes(&cafe, |token| token["state"] == "expiring").await;
        time.pass(Duration::from_hours(hours));
    }
    own.wait_for(3).await;
    other.wait_for(3).await;
    ops.wait_for(6).await;

    // Another token for one of them; the other goes on, over a restart.
    let account = instagram("17842", "canary-by-hand");
    let kept = cafe.put("Instagram", &account).await.success(200);
    assert_eq!(kept["token"]["state"], "good", "{kept}");
    let keys = [bakery.key, cafe.key];
    let change = live(time.simulator.base_url());
    let change = |config: &mut Config| {
        change(config);
        no_configured_token(config);
        config.notices.clone_from(&endpoints);
    };
    let service = service.restart_at_as(Arc::clone(&time.clock) as _, change).await;
    let [bakery, cafe] = keys.map(|key| Tenant { service: &service, key });
    becomes(&bakery, |token| token["state"] == "expiring").await;
    time.pass(Duration::from_hours(60));
    becomes(&bakery, |token| token["state"] == "expired").await;
    let last = |told: &[crate::receiver::Got]| told.last().unwrap().json()["data"]["title"].clone();
    let told = other.wait_for(4).await;
    assert_eq!(
        (told.len(), last(&told)),
        (4, json!("Instagram: bakery's access token has lapsed"))
    );
    assert_eq!(ops.wait_for(7).await.len(), 7);
    becomes(&cafe, |token| token["state"] == "good").await;
    assert_eq!(own.all().len(), 3);
    let told = ops
        .all()
        .into_iter()
        .map(|got| got.json().to_string())
        .collect::<String>();
    assert!(!told.contains("canary") && !told.contains("IGAA"), "I16");
    service.stop().await;
}

#[tokio::test]
async fn a_refused_one_is_told_at_once_and_names_whose_it_is() {
    let room = Receiver::start().await;
    let time = Time::begin().await;
    let service = time.start(|config| config.notices = vec![chat("chat", &room)]).await;
    let shop = Tenant::of(&service, "수선집").await;
    let account = instagram("17841", "canary-that-expired");
    shop.put("Instagram", &account).await.success(200);
    time.pass(DAY / 24);
    let text = room.wait_for(1).await[0].json()["text"].to_string();
    for words in [
        "수선집의 액세스 토큰이 거부되었습니다",
        "채널의 응답: 190",
        "fanfare channels account set Instagram",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("canary"), "I16");
    let token = becomes(&shop, |token| token["state"] == "refused").await;
    assert_eq!(token["problem"]["code"], "auth_expired");
    shop.remove("Instagram").await.success(200);
    let shown = shop.get(ACCOUNT).await.success(200);
    assert_eq!(
        (&shown["account"], &shown["token"]),
        (&json!("shared"), &Value::Null),
        "the operator's is its own"
    );
    service.stop().await;
}
