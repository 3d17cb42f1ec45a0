//! Accounts that tenants have of their own: what is sent with whose, at the simulator,
//! which keeps its own record of which account a post stands on.

use fanfare::config::Config;
use fanfare_core::api_key::Scope;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::live::{goes_wrong, live, once, request, result, simulator};
use crate::support::{Answer, DISTRIBUTE, Key, Service};

pub(crate) const SHARED: &str = "17841400000000000";

/// One tenant's way to the service.
pub(crate) struct Tenant<'s> {
    pub(crate) service: &'s Service,
    pub(crate) key: Key,
}

impl<'s> Tenant<'s> {
    pub(crate) async fn of(service: &'s Service, name: &str) -> Self {
        let key = service.key(name, &[Scope::Admin]).await;
        Self { service, key }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.service.ask("GET", path, &[self.key.header()], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.service.post_with(path, &[self.key.header()], body).await
    }

    pub(crate) async fn put(&self, channel: &str, account: &Value) -> Answer {
        let path = format!("/api/channels/{channel}/account");
        self.service.send("PUT", &path, &[self.key.header()], account).await
    }

    pub(crate) async fn remove(&self, channel: &str) -> Answer {
        let path = format!("/api/channels/{channel}/account");
        self.service.ask("DELETE", &path, &[self.key.header()], b"").await
    }

    /// What `GET /api/channels` says of a channel.
    pub(crate) async fn channel(&self, name: &str) -> Value {
        let answer = self.get("/api/channels").await.success(200);
        let channels = answer["channels"].as_array().unwrap();
        channels.iter().find(|channel| channel["name"] == name).unwrap().clone()
    }
}

pub(crate) fn instagram(id: &str, token: &str) -> Value {
    json!({"accountId": id, "accessToken": token})
}

/// On which accounts the posts of an event stand, by channel.
pub(crate) fn accounts(simulator: &RunningSimulator, channel: &str, event: &str) -> Vec<String> {
    let of_event = |content: &Value| content.to_string().contains(event);
    let effects = simulator.effects().into_iter();
    effects
        .filter(|effect| effect.channel == channel && of_event(&effect.content))
        .map(|effect| effect.account)
        .collect()
}

pub(crate) fn path_of(answer: &Value) -> String {
    format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap())
}

#[tokio::test]
async fn each_tenant_posts_with_its_own_account_and_nobody_else_does() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let [bakery, cafe, shop] = [
        Tenant::of(&service, "bakery").await,
        Tenant::of(&service, "cafe").await,
        Tenant::of(&service, "shop").await,
    ];
    for (tenant, id, token) in [(&bakery, "17841", "canary-bakery"), (&cafe, "17842", "canary-cafe00")] {
        let kept = tenant.put("Instagram", &instagram(id, token)).await.success(200);
        assert_eq!(
            (&kept["account"], &kept["accountId"]),
            (&json!("own"), &json!(id)),
            "{kept}"
        );
        assert!(kept["setAt"].is_string(), "{kept}");
        let tv = json!({"accessToken": token});
        tenant.put("WooridongneTV", &tv).await.success(200);
    }
    for (tenant, event, on_instagram, on_tv) in [
        (&bakery, "evt-bakery", "17841", "bakery"),
        (&cafe, "evt-cafe", "17842", "cafe00"),
        // It has none of its own.
        (&shop, "evt-shop", SHARED, "-token"),
    ] {
        let answer = tenant.post(DISTRIBUTE, &request(&simulator, event)).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{answer}");
        assert_eq!(accounts(&simulator, "instagram", event), [on_instagram]);
        let all = simulator.effects();
        let of_tv = all.iter().rfind(|effect| effect.channel == "wooridongne-tv");
        assert_eq!(of_tv.unwrap().account, on_tv);
    }
    for (tenant, account) in [(&bakery, "own"), (&shop, "shared")] {
        assert_eq!(tenant.channel("Instagram").await["account"], account);
        let shown = tenant.get("/api/channels/Instagram/account").await.success(200);
        assert_eq!(shown["account"], account, "{shown}");
        assert_eq!(shown["accountId"].is_string(), account == "own", "{shown}");
    }
    assert!(
        bakery.channel("NaverBlog").await["account"].is_null(),
        "a mock calls nobody"
    );

    // Both go on over a restart, and back to the shared one when it is removed.
    let [key_a, key_b] = [bakery.key, cafe.key];
    let service = service.restart_as(live(simulator.base_url())).await;
    let [bakery, cafe] = [key_a, key_b].map(|key| Tenant { service: &service, key });
    let again = bakery.post(DISTRIBUTE, &request(&simulator, "evt-again")).await;
    assert_eq!(again.success(200)["status"], "COMPLETED");
    assert_eq!(accounts(&simulator, "instagram", "evt-again"), ["17841"]);
    let removed = bakery.remove("Instagram").await.success(200);
    assert_eq!(
        (&removed["account"], &removed["accountId"]),
        (&json!("shared"), &Value::Null)
    );
    bakery.remove("Instagram").await.success(200);
    let after = bakery.post(DISTRIBUTE, &request(&simulator, "evt-after")).await;
    assert_eq!(after.success(200)["status"], "COMPLETED");
    assert_eq!(accounts(&simulator, "instagram", "evt-after"), [SHARED]);
    let of_cafe = cafe.get("/api/channels/Instagram/account").await.success(200);
    assert_eq!(of_cafe["accountId"], "17842", "another's is left alone");
    service.stop().await;
}

#[tokio::test]
async fn a_channel_without_a_configured_account_works_for_who_has_one() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config: &mut Config| {
        change(config);
        config.channels.instagram.access_token = None;
        config.channels.instagram.account_id = None;
    })
    .await;
    let [own, none] = [Tenant::of(&service, "own").await, Tenant::of(&service, "none").await];
    own.put("Instagram", &instagram("17841", "canary-own-token"))
        .await
        .success(200);
    let answer = own.post(DISTRIBUTE, &request(&simulator, "evt-own")).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    // A look-up, too, asks the right account, and there is a protocol for it.
    goes_wrong(
        &simulator,
        &once("instagram", "publish", &json!({"kind": "drop-after"})),
    )
    .await;
    let answer = own
        .post(DISTRIBUTE, &request(&simulator, "evt-lost"))
        .await
        .success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(accounts(&simulator, "instagram", "evt-lost"), ["17841"], "once");
    assert_eq!(own.channel("Instagram").await["problem"], Value::Null);

    let answer = none
        .post(DISTRIBUTE, &request(&simulator, "evt-none"))
        .await
        .success(200);
    assert_eq!(
        result(&answer, "Instagram")["code"],
        "channel_not_configured",
        "{answer}"
    );
    let shown = none.channel("Instagram").await;
    assert_eq!(
        (&shown["account"], &shown["problem"]["code"]),
        (&json!("none"), &json!("channel_not_configured"))
    );
    let preview = |tenant: &Tenant<'_>| {
        let (body, key) = (request(&simulator, "evt-preview"), tenant.key.header().1.to_owned());
        let service = &service;
        async move {
            let headers = [("authorization", &*key)];
            let answer = service
                .post_with("/api/distribution/preview", &headers, &body)
                .await
                .success(200);
            answer["channels"][1].clone()
        }
    };
    let (of_own, of_none) = (preview(&own).await, preview(&none).await);
    assert_eq!((&of_own["wouldSend"], &of_own["problem"]), (&json!(true), &Value::Null));
    assert_eq!(
        (&of_none["wouldSend"], &of_none["problem"]["code"]),
        (&json!(false), &json!("channel_not_configured"))
    );
    service.stop().await;
}

#[tokio::test]
async fn where_own_accounts_are_required_nothing_is_sent_with_the_shared_one() {
    let simulator = simulator().await;
    let change = live(simulator.base_url());
    let service = Service::start_as(|config: &mut Config| {
        change(config);
        config.channels.instagram.require_own_account = true;
    })
    .await;
    let [operator, shop] = [
        Tenant::of(&service, "default").await,
        Tenant::of(&service, "shop").await,
    ];
    let answer = shop.post(DISTRIBUTE, &request(&simulator, "evt-1")).await.success(200);
    let refused = result(&answer, "Instagram");
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&json!("FAILED"), &json!("channel_not_configured"))
    );
    let said = refused["message"].as_str().unwrap();
    assert!(said.contains("no account of its own on Instagram"), "{said}");
    assert_eq!(shop.channel("Instagram").await["account"], "none");
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), [""; 0]);
    // The operator's tenant has the configured one.
    let answer = operator
        .post(DISTRIBUTE, &request(&simulator, "evt-2"))
        .await
        .success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    // What failed goes on, once there is one.
    shop.put("Instagram", &instagram("17841", "canary-shop-token"))
        .await
        .success(200);
    let mut retried = shop.post(DISTRIBUTE, &request(&simulator, "evt-1")).await;
    if retried.json()["status"] != "COMPLETED" {
        let events = shop.get("/api/distributions").await.success(200);
        let path = format!("{}/retry", path_of(&events["distributions"][0]));
        retried = shop.post(&path, &json!({})).await;
    }
    assert_eq!(retried.success(200)["status"], "COMPLETED");
    assert_eq!(accounts(&simulator, "instagram", "evt-1"), ["17841"]);
    service.stop().await;
}

/// The refusal of one tenant's token says nothing of the channel.
#[tokio::test]
async fn one_tenant_s_refused_token_opens_no_breaker() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let [bad, good] = [Tenant::of(&service, "bad").await, Tenant::of(&service, "good").await];
    let refused = "canary-expired-token";
    bad.put("Instagram", &instagram("17841", refused)).await.success(200);
    bad.put("WooridongneTV", &json!({"accessToken": refused}))
        .await
        .success(200);
    good.put("Instagram", &instagram("17842", "canary-good-token"))
        .await
        .success(200);
    for number in 0..8 {
        let event = format!("evt-bad-{number}");
        let answer = bad.post(DISTRIBUTE, &request(&simulator, &event)).await.success(200);
        for channel in ["Instagram", "WooridongneTV"] {
            assert_eq!(result(&answer, channel)["code"], "auth_expired", "{answer}");
        }
        assert!(!answer.to_string().contains(refused), "I16");
    }
    for channel in ["Instagram", "WooridongneTV"] {
        assert_eq!(good.channel(channel).await["breaker"]["state"], "CLOSED");
    }
    let answer = good
        .post(DISTRIBUTE, &request(&simulator, "evt-good"))
        .await
        .success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    // The owner hands a good one over, and what failed goes on.
    bad.put("Instagram", &instagram("17841", "canary-renewed-token"))
        .await
        .success(200);
    let answer = bad
        .post(DISTRIBUTE, &request(&simulator, "evt-mended"))
        .await
        .success(200);
    assert_eq!(result(&answer, "Instagram")["status"], "SUCCESS", "{answer}");
    service.stop().await;
}

/// I16: the token is in no answer, no event, and not in the files.
#[tokio::test]
async fn a_token_is_shown_nowhere_and_kept_sealed() {
    let simulator = simulator().await;
    let service = Service::start_as(live(simulator.base_url())).await;
    let shop = Tenant::of(&service, "shop").await;
    let account = instagram("17841", "canary-of-the-shop");
    let kept = shop.put("Instagram", &account).await;
    kept.success(200);
    let says = json!({"kind": "answer", "status": 400, "body": {"error": {
        "code": 100, "message": "Malformed access token canary-of-the-shop",
    }}});
    goes_wrong(&simulator, &once("instagram", "create", &says)).await;
    let answer = shop.post(DISTRIBUTE, &request(&simulator, "evt-1")).await;
    let path = path_of(&answer.json());
    let mut shown = vec![kept, answer];
    for path in [
        "/api/channels/Instagram/account".to_owned(),
        "/api/channels".to_owned(),
        "/api/events".to_owned(),
        "/api/distribution/evt-1/status".to_owned(),
        format!("{path}/attempts"),
        format!("{path}/history"),
        format!("{path}/events"),
    ] {
        shown.push(shop.get(&path).await);
    }
    for answer in shown {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("canary") && !text.is_empty(), "I16: {text}");
    }
    let database = service.data_bytes();
    let holds = |text: &str| database.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(
        holds("evt-1") && !holds("canary-of-the-shop") && !holds("17841\""),
        "I16"
    );
    service.stop().await;
}
