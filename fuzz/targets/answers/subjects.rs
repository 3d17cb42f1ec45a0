//! The clients, and a call of each: as in the conformance suite
//! (`crates/channels/tests/conformance/main.rs`), which says more of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanfare_channels::any_channel;
use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::gateway::GatewayClient;
use fanfare_channels::genie_tv::{GenieTvClient, GenieTvSettings};
use fanfare_channels::http::{HttpClient, HttpSettings};
use fanfare_channels::instagram::token::InstagramTokens;
use fanfare_channels::instagram::{API_VERSION, InstagramClient, InstagramSettings};
use fanfare_channels::kakao_channel::recipients::{Recipient, Recipients, RecipientsError};
use fanfare_channels::kakao_channel::{KakaoChannelClient, KakaoSettings};
use fanfare_channels::media::{MediaClient, Spots};
use fanfare_channels::naver_blog::meta_weblog::{MetaWeblogClient, MetaWeblogSettings};
use fanfare_channels::ringo_biz::RingoBizClient;
use fanfare_channels::secret::Secret;
use fanfare_channels::wooridongne_tv;
use fanfare_core::advertising::Consent;
use fanfare_core::cause;
use fanfare_core::channel::Mode;
use fanfare_core::decode::decode;
use fanfare_core::delivery::Delivery;
use fanfare_core::engine::Call;
use fanfare_core::ids::{DeliveryId, DistributionId, TenantId};
use fanfare_core::request::CanonicalRequest;
use fanfare_core::verified::VerifiedNumbers;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::Server;

/// An answer comes at once; this is for a machine that is busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

/// As whom every channel is called. What is written otherwise in JSON, in XML and in
/// addresses is in it.
pub(crate) const TOKEN: &str = "canary/of&a=token-0123";

/// How all numbers of people begin.
pub(crate) const NUMBERS: &str = "0100000000";

/// Longer answers are cut off, where the client does not ask for more.
const ANSWER_MAX: usize = 4_096;

pub(crate) enum Subject {
    Channel(ChannelSubject),
    Tokens(InstagramTokens),
    Films(MediaClient),
}

pub(crate) struct ChannelSubject {
    pub(crate) client: Arc<dyn ChannelClient>,
    pub(crate) call: Call,
}

/// At ten in the morning in Seoul.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_795_482_000).expect("it is a time")
}

/// In the order of an input's first byte.
pub(crate) fn all(server: &Server) -> Vec<Subject> {
    let base = format!("http://{}", server.address);
    let subject = |client: Arc<dyn ChannelClient>, channel: &str, options: &Value| {
        let call = call(&base, channel, options);
        Subject::Channel(ChannelSubject { client, call })
    };
    let caption = json!({"caption": "10% #빵집"});
    let reel = json!({"caption": "10% #빵집", "film": true});
    let pictures = [1, 2, 3].map(|place| format!("{base}/media/{place}.jpg"));
    let pictures = json!({"caption": "10%", "imageUrls": pictures});
    let genie = json!({
        "region": "1168000000", "budget": 300_000, "film": true,
        "schedule": {"startDate": "2026-12-01", "endDate": "2026-12-14", "dayparts": ["18:00-22:00"]},
    });
    let woori = json!({"regions": ["1114000000"], "budget": 50_000, "film": true});
    let message = json!({"message": "10%", "recipientListRef": "friends"});
    let instagram = instagram(server);
    vec![
        subject(Arc::clone(&instagram), "Instagram", &caption),
        subject(Arc::clone(&instagram), "Instagram", &pictures),
        subject(instagram, "Instagram", &reel),
        subject(
            Arc::new(GatewayClient::new(api(server), wooridongne_tv::SHAPE).showing(spots(server))),
            "WooridongneTV",
            &woori,
        ),
        subject(genie_tv(server), "GenieTV", &genie),
        subject(ringo_biz(server), "RingoBiz", &json!({"phoneNumber": "02-555-0134"})),
        subject(kakao_channel(server), "KakaoChannel", &message),
        subject(
            Arc::new(MetaWeblogClient::new(
                api(server),
                media(server),
                MetaWeblogSettings::new("shop"),
            )),
            "NaverBlog",
            &json!({"title": "여는 날", "content": "10% & <빵>"}),
        ),
        subject(
            Arc::new(GatewayClient::new(api(server), any_channel::SHAPE)),
            "KakaoChannel",
            &json!({"message": "(광고) 빵집"}),
        ),
        Subject::Tokens(InstagramTokens::new(api(server), API_VERSION)),
        Subject::Films(media(server)),
    ]
}

fn instagram(server: &Server) -> Arc<dyn ChannelClient> {
    // The picture needs no fitting.
    let links = Err(cause::CHANNEL_NOT_CONFIGURED.failure());
    let settings = InstagramSettings::new("17841400000000000");
    Arc::new(InstagramClient::new(api(server), media(server), links, settings))
}

fn genie_tv(server: &Server) -> Arc<dyn ChannelClient> {
    let settings = GenieTvSettings {
        account_id: "acc-1".to_owned(),
        product_id: "prime".to_owned(),
        poll_interval: Duration::from_secs(5),
    };
    Arc::new(GenieTvClient::new(api(server), spots(server), settings))
}

fn ringo_biz(server: &Server) -> Arc<dyn ChannelClient> {
    let verified = VerifiedNumbers::new([("default", "02-555-0134")]).expect("it is a number");
    Arc::new(RingoBizClient::new(api(server), media(server), Arc::new(verified)))
}

fn kakao_channel(server: &Server) -> Arc<dyn ChannelClient> {
    let settings = KakaoSettings {
        // Three people make two requests.
        per_request: 2,
        ..KakaoSettings::new("app", "sender", "봄 빵집", "080-555-0100")
    };
    Arc::new(KakaoChannelClient::new(
        api(server),
        media(server),
        Arc::new(Friends),
        settings,
    ))
}

/// One list, of the tenant `default`.
#[derive(Debug)]
struct Friends;

#[async_trait]
impl Recipients for Friends {
    async fn of(&self, _: &TenantId, _: &str) -> Result<Vec<Recipient>, RecipientsError> {
        let friend = |last: u8| Recipient {
            number: Secret::new(format!("{NUMBERS}{last}")),
            consent: Some(Consent {
                who: "customer".to_owned(),
                at: now() - Duration::from_hours(1_000),
                how: "web form".to_owned(),
                advertising: true,
                night: false,
                withdrawn_at: None,
                reconfirmed_at: None,
            }),
            suppressed: false,
        };
        Ok((7..10).map(friend).collect())
    }
}

fn api(server: &Server) -> Api {
    let http = HttpClient::new(&HttpSettings {
        deadline: DEADLINE,
        connect_timeout: DEADLINE,
        adaptive_timeout_min: DEADLINE,
        max_answer_bytes: ANSWER_MAX,
    });
    let base = format!("http://{}/channel", server.address);
    Api::new(
        http.expect("certificates can be read"),
        base.parse().expect("it is an address"),
        Secret::new(TOKEN),
    )
}

fn media(server: &Server) -> MediaClient {
    MediaClient::new(&[server.address.to_string()], DEADLINE).expect("certificates can be read")
}

fn spots(server: &Server) -> Spots {
    Spots::new(Some(media(server)), DEADLINE)
}

/// The first attempt of a delivery; `film` in the options stands for a film in place of a
/// picture.
fn call(base: &str, channel: &str, options: &Value) -> Call {
    let mut options = options.clone();
    let film = options.as_object_mut().and_then(|options| options.remove("film"));
    let body = json!({
        "eventId": "evt-1", "channels": [channel], "channelOptions": {channel: options},
        "contentUrls": {"imageUrl": "https://a.kr/a.jpg", "audioUrl": "https://a.kr/a.mp3"},
    });
    let mut request = decode(&body, &["127.0.0.1".to_owned()], now())
        .request
        .expect("the request is good");
    let urls = &mut request.content_urls;
    urls.image_url = Some(format!("{base}/media/a.jpg")).filter(|_| film.is_none());
    urls.video_url = film.map(|_| format!("{base}/media/a.mp4"));
    urls.audio_url = Some(format!("{base}/media/a.mp3"));
    let id = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
    let mut delivery = Delivery::new(DeliveryId(id), request.channels[0], Mode::Live, now());
    (delivery.attempt, delivery.attempt_started_at) = (1, Some(now()));
    Call {
        files: Vec::new(),
        number: 1,
        tenant: TenantId::default(),
        distribution: DistributionId(id),
        request: Arc::new(CanonicalRequest::new(request)),
        delivery,
    }
}
