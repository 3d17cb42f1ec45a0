//! A blog elsewhere, in Naver Blog's place: it is posted to, at the simulator.

use fanfare::config::{ChannelConfig, ChannelProtocol};
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use serde_json::json;

use crate::handoff::{blog, request, simulator};
use crate::support::{Service, ask_elsewhere};

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
