//! A blog elsewhere, in Naver Blog's place: it is posted to, at the simulator.

use std::time::Duration;

use fanfare::config::{ChannelConfig, ChannelProtocol, Config};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::accounts::Tenant;
use crate::handoff::{blog, request, simulator};
use crate::live::goes_wrong;
use crate::support::{DISTRIBUTE, PATIENCE, Service, ask_elsewhere};

/// A blog that speaks `MetaWeblog`, through the service's own door.
#[tokio::test]
async fn a_blog_elsewhere_is_posted_to() {
    let simulator = simulator().await;
    let channel = ChannelConfig {
        mode: Mode::Live,
        protocol: ChannelProtocol::MetaWeblog,
        base_url: Some(format!("{}/naver-blog/xmlrpc", simulator.base_url())),
        account_id: Some("shop".to_owned()),
        access_token: Some(Secret::new("canary-password")),
        poll_interval_ms: 20,
        ..ChannelConfig::default()
    };
    let host = simulator.address.to_string();
    let service = Service::start_as(|config| {
        config.channels.naver_blog = channel;
        config.media.allow_hosts = vec![host];
    })
    .await;
    let mut body = request("evt-1");
    body["contentUrls"]["imageUrl"] = json!(format!("{}/media/a.jpg", simulator.base_url()));
    let answer = service.distribute(&body).await.success(200);
    let result = blog(&answer);
    assert_eq!(
        (&result["status"], &result["channelState"]),
        (&json!("SUCCESS"), &json!("live")),
        "{result}"
    );
    let shown = ask_elsewhere("GET", result["postUrl"].as_str().unwrap(), b"").await;
    assert!(String::from_utf8_lossy(&shown.body).contains("10% 할인"), "{shown:?}");
    let effects = simulator.effects();
    assert_eq!(effects.len(), 1);
    assert!(
        effects[0].content["description"]
            .as_str()
            .unwrap()
            .contains("&lt;script&gt;")
    );
    assert!(!answer.to_string().contains("canary"));
    service.stop().await;
}

fn own_blogs(hosts: &[&RunningSimulator]) -> impl Fn(&mut Config) + use<> {
    let hosts: Vec<_> = hosts.iter().map(|host| host.address.to_string()).collect();
    let channel = ChannelConfig {
        mode: Mode::Live,
        protocol: ChannelProtocol::MetaWeblog,
        poll_interval_ms: 20,
        blog_hosts: hosts.clone(),
        ..ChannelConfig::default()
    };
    move |config| {
        config.channels.naver_blog = channel.clone();
        config.media.allow_hosts.clone_from(&hosts);
    }
}

fn own(host: &RunningSimulator, author: &str) -> Value {
    let endpoint = format!("{}/naver-blog/xmlrpc", host.base_url());
    json!({"endpoint": endpoint, "accountId": author, "accessToken": format!("canary-{author}")})
}

/// Two shops, two hosts, and no blog of the operator's.
#[tokio::test]
async fn each_shop_posts_on_its_own_blog() {
    let (of_bakery, of_cafe) = (simulator().await, simulator().await);
    let service = Service::start_as(own_blogs(&[&of_bakery, &of_cafe])).await;
    let bakery = Tenant::of(&service, "bakery").await;
    let cafe = Tenant::of(&service, "cafe").await;
    for (tenant, host, author) in [(&bakery, &of_bakery, "bread"), (&cafe, &of_cafe, "coffee")] {
        let kept = tenant.put("NaverBlog", &own(host, author)).await.success(200);
        assert_eq!(
            (&kept["endpoint"], &kept["accountId"]),
            (&own(host, author)["endpoint"], &json!(author)),
            "{kept}"
        );
        assert!(!kept.to_string().contains("canary"), "{kept}");
    }
    let body = |event: &str, host: &RunningSimulator| {
        let mut body = request(event);
        body["channels"] = json!(["NaverBlog"]);
        body["contentUrls"]["imageUrl"] = json!(format!("{}/media/a.jpg", host.base_url()));
        body
    };
    for (tenant, host) in [(&bakery, &of_bakery), (&cafe, &of_cafe)] {
        let answer = tenant.post(DISTRIBUTE, &body("evt-1", host)).await.success(200);
        let result = blog(&answer);
        assert_eq!(result["status"], "SUCCESS", "{result}");
        let link = result["postUrl"].as_str().unwrap();
        assert!(link.starts_with(host.base_url()), "{link}");
        assert_eq!(host.effects().len(), 1);
    }

    // One host is away for as long as it takes; the other's shop does not notice.
    let away = json!([{"fault": {"kind": "answer", "status": 503}}]);
    goes_wrong(&of_bakery, &away).await;
    let deadline = Instant::now() + PATIENCE;
    let mut number = 1;
    let is_open = async |tenant: &Tenant<'_>| tenant.channel("NaverBlog").await["accountBreaker"]["state"] == "OPEN";
    while !is_open(&bakery).await {
        assert!(Instant::now() < deadline, "it does not open");
        number += 1;
        let (headers, event) = (
            [bakery.key.header(), ("prefer", "respond-async")],
            format!("evt-{number}"),
        );
        let body = body(&event, &of_cafe);
        service.post_with(DISTRIBUTE, &headers, &body).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answer = cafe.post(DISTRIBUTE, &body("evt-99", &of_cafe)).await.success(200);
    assert_eq!(blog(&answer)["status"], "SUCCESS", "{answer}");
    let channel = cafe.channel("NaverBlog").await;
    assert_eq!(
        (&channel["problem"], &channel["accountBreaker"]),
        (&Value::Null, &Value::Null)
    );
    service.stop().await;
}

/// Who has none has no blog to post on, and a blog may not be just anywhere.
#[tokio::test]
async fn a_blog_that_may_not_be_called_is_refused_when_it_is_handed_over() {
    let (allowed, inside) = (simulator().await, simulator().await);
    let service = Service::start_as(own_blogs(&[&allowed])).await;
    let cafe = Tenant::of(&service, "cafe").await;
    let mut account = own(&inside, "coffee");
    for endpoint in [
        &*format!("{}/naver-blog/xmlrpc", inside.base_url()),
        "http://shop.example.com/xmlrpc.php",
        "https://192.168.0.4/xmlrpc.php",
        "https://coffee:canary@shop.example.com/xmlrpc.php",
        "xmlrpc.php",
    ] {
        account["endpoint"] = json!(endpoint);
        let problem = cafe.put("NaverBlog", &account).await.problem(422, "validation_failed");
        let fault = &problem["errors"][0];
        assert_eq!(
            (&fault["pointer"], &fault["code"]),
            (&json!("/endpoint"), &json!("url_not_allowed")),
            "{problem}"
        );
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
    account.as_object_mut().unwrap().remove("endpoint");
    let problem = cafe.put("NaverBlog", &account).await.problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["code"], "required", "{problem}");
    let standing = cafe.get("/api/channels/NaverBlog/account").await.success(200);
    assert_eq!(standing["account"], "none", "{standing}");
    let mut body = request("evt-1");
    body["channels"] = json!(["NaverBlog"]);
    let answer = cafe.post(DISTRIBUTE, &body).await.success(200);
    assert_eq!(blog(&answer)["code"], "channel_not_configured", "{answer}");
    assert_eq!(inside.effects().len(), 0);
    service.stop().await;
}
