//! What every channel's client must do, whatever its channel does: the suite
//! takes a client and its simulated channel and nothing else. The client is
//! driven by the real engine, over a real database where that matters.
//!
//! The one rule behind all of it: at most one effect comes to be, and what the
//! delivery says in the end is true.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod blocked;
mod carousel;
mod cases;
mod changed;
mod check;
mod driver;
mod kakao;
mod kakao_cap;
mod kakao_later;
mod kakao_steps;
mod later;
mod nonsense;
mod partners;
mod patience;
mod reel;
#[path = "../../../ledger/tests/postgres/database.rs"]
#[expect(dead_code, reason = "the ledger's own tests use the rest")]
mod schema;
mod simulated;
mod spot;
mod waits;
mod withdrawal;

use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::gateway::GatewayClient;
use fanfare_channels::genie_tv::{GenieTvClient, GenieTvSettings};
use fanfare_channels::instagram::{InstagramClient, InstagramSettings};
use fanfare_channels::media::{MediaClient, Spots};
use fanfare_channels::naver_blog::meta_weblog::{MetaWeblogClient, MetaWeblogSettings};
use fanfare_channels::ringo_biz::RingoBizClient;
use fanfare_core::cause;
use fanfare_core::verified::VerifiedNumbers;
use serde_json::{Value, json};

use simulated::Subject;

const INSTAGRAM: Subject = Subject {
    name: "instagram",
    steps: &["quota", "create", "status", "publish", "permalink"],
    effecting: "publish",
    withdrawing: None,
    client: |api, pictures| {
        let media = MediaClient::new(&[pictures.to_owned()], Duration::from_millis(250));
        // The simulator's picture needs no fitting.
        let links = Err(cause::CHANNEL_NOT_CONFIGURED.failure());
        let settings = InstagramSettings::new("17841400000000000");
        Arc::new(InstagramClient::new(api, media.unwrap(), links, settings))
    },
    request: || {
        request(
            "Instagram",
            &json!({"Instagram": {"caption": "여는 날 10% 할인 #빵집"}}),
        )
    },
    permanent: META,
};

const INSTAGRAM_CAROUSEL: Subject = Subject {
    steps: &["quota", "child", "status", "carousel", "publish", "permalink"],
    request: || {
        let pictures = ["https://a.kr/1.jpg", "https://a.kr/2.jpg", "https://a.kr/3.jpg"];
        let options = json!({"caption": "여는 날 10% 할인 #빵집", "imageUrls": pictures});
        request("Instagram", &json!({ "Instagram": options }))
    },
    ..INSTAGRAM
};

const INSTAGRAM_REEL: Subject = Subject {
    request: || {
        film(request(
            "Instagram",
            &json!({"Instagram": {"caption": "여는 날 10% 할인 #빵집"}}),
        ))
    },
    ..INSTAGRAM
};

const META: &[(u16, &str, &str)] = &[
    (
        400,
        r#"{"error": {"code": 190, "error_subcode": 463, "message": "expired"}}"#,
        "auth_expired",
    ),
    (
        400,
        r#"{"error": {"code": 10, "message": "permission"}}"#,
        "permission_denied",
    ),
    (
        400,
        r#"{"error": {"code": 368, "message": "blocked"}}"#,
        "account_restricted",
    ),
    (
        400,
        r#"{"error": {"code": 36003, "error_subcode": 2207009, "message": "aspect"}}"#,
        "media_rejected",
    ),
    (
        400,
        r#"{"error": {"code": 36004, "error_subcode": 2207010, "message": "long"}}"#,
        "content_rejected",
    ),
];

const WOORIDONGNE_TV: Subject = Subject {
    name: "wooridongne-tv",
    steps: &["create"],
    effecting: "create",
    withdrawing: Some("withdraw"),
    client: |api, films| {
        let client = GatewayClient::new(api, fanfare_channels::wooridongne_tv::SHAPE);
        Arc::new(client.showing(spots(films)))
    },
    request: || {
        let options = json!({"WooridongneTV": {"regions": ["1114000000"], "budget": 50_000}});
        film(request("WooridongneTV", &options))
    },
    permanent: CONTRACT,
};

const GENIE_TV: Subject = Subject {
    name: "genie-tv",
    steps: &["order", "line", "creative", "assignment", "book", "status"],
    effecting: "book",
    withdrawing: Some("withdraw"),
    client: |api, films| {
        let settings = GenieTvSettings {
            account_id: "acc-1".to_owned(),
            product_id: "prime".to_owned(),
            poll_interval: Duration::from_secs(5),
        };
        Arc::new(GenieTvClient::new(api, spots(films), settings))
    },
    request: || {
        let schedule = json!({"startDate": "2026-12-01", "endDate": "2026-12-14", "dayparts": ["18:00-22:00"]});
        let options = json!({"GenieTV": {"region": "1168000000", "schedule": schedule, "budget": 300_000}});
        film(request("GenieTV", &options))
    },
    permanent: CONTRACT,
};

const RINGO_BIZ: Subject = Subject {
    name: "ringo-biz",
    steps: &["replace"],
    effecting: "replace",
    withdrawing: Some("withdraw"),
    client: |api, sounds| {
        let media = MediaClient::new(&[sounds.to_owned()], Duration::from_millis(250));
        let verified = VerifiedNumbers::new([("default", "02-555-0134")]).unwrap();
        Arc::new(RingoBizClient::new(api, media.unwrap(), Arc::new(verified)))
    },
    request: || request("RingoBiz", &json!({"RingoBiz": {"phoneNumber": "02-555-0134"}})),
    permanent: CONTRACT,
};

const KAKAO_CHANNEL: Subject = Subject {
    name: "kakao-channel",
    steps: &["image", "send", "lookup"],
    effecting: "send",
    withdrawing: None,
    client: |api, pictures| kakao::client(api, pictures, kakao::friends(3)),
    request: || {
        let options = json!({"message": "여는 날 10% 할인", "recipientListRef": "friends"});
        request("KakaoChannel", &json!({"KakaoChannel": options}))
    },
    permanent: &[
        (
            200,
            r#"{"header": {"isSuccessful": false, "resultCode": -1000, "resultMessage": "no"}}"#,
            "auth_expired",
        ),
        (
            200,
            r#"{"header": {"isSuccessful": false, "resultCode": -1006, "resultMessage": "no"}}"#,
            "sender_rejected",
        ),
        (
            200,
            r#"{"header": {"isSuccessful": false, "resultCode": 3014, "resultMessage": "no"}}"#,
            "content_rejected",
        ),
        (
            200,
            r#"{"header": {"isSuccessful": false, "resultCode": 3024, "resultMessage": "no"}}"#,
            "media_rejected",
        ),
        (
            200,
            r#"{"header": {"isSuccessful": false, "resultCode": 1022, "resultMessage": "no"}}"#,
            "permission_denied",
        ),
        (401, "", "auth_expired"),
        (404, "", "channel_misconfigured"),
    ],
};

const ANY_CHANNEL: Subject = Subject {
    name: "gateway",
    steps: &["create"],
    effecting: "create",
    withdrawing: None,
    client: |api, _| Arc::new(GatewayClient::new(api, fanfare_channels::any_channel::SHAPE)),
    request: || request("KakaoChannel", &json!({"KakaoChannel": {"message": "(광고) 빵집"}})),
    permanent: CONTRACT,
};

const META_WEBLOG: Subject = Subject {
    name: "naver-blog",
    steps: &["media", "post", "lookup"],
    effecting: "post",
    withdrawing: Some("delete"),
    client: |api, pictures| {
        let media = MediaClient::new(&[pictures.to_owned()], Duration::from_millis(250));
        let settings = MetaWeblogSettings::new("shop");
        Arc::new(MetaWeblogClient::new(api.below(&["xmlrpc"]), media.unwrap(), settings))
    },
    request: || {
        request(
            "NaverBlog",
            &json!({"NaverBlog": {"title": "여는 날", "content": "10% 할인 & <빵>"}}),
        )
    },
    permanent: &[
        (
            200,
            r#""<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>403</int></value></member></struct></value></fault></methodResponse>""#,
            "auth_expired",
        ),
        (
            200,
            r#""<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>404</int></value></member></struct></value></fault></methodResponse>""#,
            "content_rejected",
        ),
        (
            200,
            r#""<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32601</int></value></member></struct></value></fault></methodResponse>""#,
            "channel_misconfigured",
        ),
        (403, "", "permission_denied"),
        (404, "", "channel_misconfigured"),
    ],
};

const CONTRACT: &[(u16, &str, &str)] = &[
    (400, r#"{"title": "no"}"#, "content_rejected"),
    (422, "", "content_rejected"),
    (401, "", "auth_expired"),
    (403, "", "permission_denied"),
    (404, "", "channel_misconfigured"),
];

fn request(channel: &str, options: &Value) -> Value {
    json!({
        "eventId": "evt-1", "channels": [channel], "channelOptions": options,
        "contentUrls": {"imageUrl": "https://a.kr/a.jpg", "audioUrl": "https://a.kr/a.mp3"},
    })
}

/// The same with a film.
fn film(mut body: Value) -> Value {
    body["contentUrls"] = json!({"videoUrl": "https://a.kr/a.mp4"});
    body
}

/// What looks at films that lie at the simulator.
fn spots(films: &str) -> Spots {
    Spots::new(
        MediaClient::new(&[films.to_owned()], Duration::from_millis(250)).ok(),
        Duration::from_secs(1),
    )
}

/// Every case for a client, each a test of its own.
macro_rules! conforms {
    ($module:ident, $subject:expr) => {
        mod $module {
            conforms!(@cases $subject; publishes_once_on_the_good_path, keeps_a_permanent_refusal,
                waits_as_long_as_it_is_told, comes_through_any_fault_that_happens_once,
                tells_the_truth_of_a_channel_that_stays_broken, survives_death_at_every_commit_and_call,
                survives_death_at_every_commit_and_call_on_sqlite,
                survives_death_at_every_commit_and_call_on_postgresql, survives_death_and_a_lost_answer_together,
                has_no_effect_once_it_is_called_off,
                takes_down_what_is_live, takes_down_through_any_fault_that_happens_once,
                leaves_live_what_a_person_named, leaves_live_what_the_channel_refuses, takes_down_through_death_at_every_commit_and_call,
                takes_down_through_death_at_every_commit_and_call_on_postgresql,
                finds_what_it_took, concludes_nothing_from_a_look_that_fails,
                tries_its_credentials_and_posts_nothing,
                says_nothing_of_credentials_where_nothing_follows, is_not_led_astray_by_nonsense, reaches_nobody_where_nobody_listens, is_not_let_in_with_a_bad_token);
        }
    };
    (@cases $subject:expr; $($case:ident),*) => {
        $(#[tokio::test]
        async fn $case() {
            crate::cases::$case($subject).await;
        })*
    };
}

conforms!(instagram, crate::INSTAGRAM);
conforms!(instagram_carousel, crate::INSTAGRAM_CAROUSEL);
conforms!(instagram_reel, crate::INSTAGRAM_REEL);
conforms!(wooridongne_tv, crate::WOORIDONGNE_TV);
conforms!(genie_tv, crate::GENIE_TV);
conforms!(ringo_biz, crate::RINGO_BIZ);
conforms!(kakao_channel, crate::KAKAO_CHANNEL);
conforms!(any_channel, crate::ANY_CHANNEL);
conforms!(meta_weblog, crate::META_WEBLOG);
