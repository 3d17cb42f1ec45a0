//! Whether the credentials are good is found out without an effect, and whatever
//! the channel does, what is said of it is true.

use fanfare_channels::check::{Checked, Credentials, Tls};
use serde_json::{Value, json};

use crate::simulated::{Simulated, Subject};

/// What is refused, and would be found in what is shown.
const CANARY: &str = "canary-of-an-expired-token";

async fn check(simulated: &Simulated, base_url: &str, token: &str) -> Checked {
    let checked = simulated.client_of(base_url, token).check(simulated.now()).await;
    assert!(!format!("{checked:?}").contains("canary"), "I16: {checked:?}");
    checked
}

/// The code that people are told.
fn code(checked: &Checked) -> &str {
    checked.failure().map_or("", |why| &why.code)
}

/// Whatever is asked for goes wrong so.
fn always(fault: &Value) -> Value {
    json!([{ "fault": fault }])
}

pub(crate) async fn tries_its_credentials_and_posts_nothing(subject: Subject) {
    let simulated = Simulated::start(subject).await;
    let url = simulated.base_url().to_owned();
    let good = check(&simulated, &url, "token").await;
    assert!(good.is_good() && good.credentials == Credentials::Accepted, "{good:?}");
    assert_eq!((good.tls, &*good.address), (Tls::Plain, &*url));

    let bad = check(&simulated, &url, CANARY).await;
    assert!(matches!(bad.credentials, Credentials::Refused(_)), "{bad:?}");
    assert_eq!((bad.reached, code(&bad)), (true, "auth_expired"));
    assert!(
        bad.failure().unwrap().channel_said.is_some(),
        "in the channel's own words"
    );

    let nobody = check(&simulated, "http://127.0.0.1:1", "token").await;
    assert!(!nobody.reached && matches!(nobody.credentials, Credentials::Unknown(_)));
    assert_eq!(code(&nobody), "channel_unavailable");
    assert_eq!(simulated.effects().await, 0);
}

/// None of it proves that the credentials are good, or that they are not.
pub(crate) async fn says_nothing_of_credentials_where_nothing_follows(subject: Subject) {
    for (fault, reached) in [
        (json!({"kind": "answer", "status": 500, "body": "out of order"}), true),
        (json!({"kind": "answer", "status": 404}), true),
        (json!({"kind": "throttle", "minutes": 20}), true),
        (json!({"kind": "garbage", "what": "html"}), true),
        (json!({"kind": "garbage", "what": "no-id"}), true),
        (json!({"kind": "garbage", "what": "redirect"}), true),
        (json!({"kind": "garbage", "what": "endless"}), true),
        (json!({"kind": "garbage", "what": "truncated"}), false),
        (json!({"kind": "garbage", "what": "trickle"}), false),
        (json!({"kind": "hang", "perform": true}), false),
        (json!({"kind": "drop-before"}), false),
        // What repeats our token is kept out of what is shown.
        (json!({"kind": "answer", "status": 400, "body": CANARY}), true),
    ] {
        let simulated = Simulated::start(subject).await;
        simulated.goes_wrong(&always(&fault)).await;
        let url = simulated.base_url().to_owned();
        let checked = check(&simulated, &url, CANARY).await;
        assert!(
            matches!(checked.credentials, Credentials::Unknown(_)),
            "{fault}: {checked:?}"
        );
        assert_eq!(
            (checked.reached, checked.is_good()),
            (reached, false),
            "{fault}: {checked:?}"
        );
        assert!(!checked.failure().unwrap().detail.en.contains("by itself") || code(&checked) == "rate_limited");
        assert_eq!(simulated.effects().await, 0, "{fault}");
    }
}

/// What Instagram tells beside it; and an account that the token does not see.
#[tokio::test]
async fn instagram_tells_account_quota_and_when_the_token_lapses() {
    let simulated = Simulated::start(crate::INSTAGRAM).await;
    let url = simulated.base_url().to_owned();
    let checked = check(&simulated, &url, "token").await;
    let account = checked.account.unwrap();
    assert_eq!(
        (&*account.id, account.name.as_deref()),
        ("17841400000000000", Some("spring_bakery"))
    );
    let quota = checked.quota.unwrap();
    assert_eq!((quota.used, quota.total, quota.period_s), (0, Some(100), Some(86_400)));
    assert!(checked.token_expires_at.unwrap() > simulated.now());

    let other = Simulated::start(Subject {
        client: |api, _| {
            let settings = fanfare_channels::instagram::InstagramSettings::new("999");
            let media = fanfare_channels::media::MediaClient::new(&[], std::time::Duration::from_secs(1));
            let links = Err(fanfare_core::cause::CHANNEL_NOT_CONFIGURED.failure());
            let client = fanfare_channels::instagram::InstagramClient::new(api, media.unwrap(), links, settings);
            std::sync::Arc::new(client)
        },
        ..crate::INSTAGRAM
    });
    let other = other.await;
    let checked = check(&other, other.base_url(), "token").await;
    assert_eq!(code(&checked), "channel_misconfigured");
    assert!(checked.failure().unwrap().detail.en.contains("account_id"));
}

/// A token that may read and not post is refused, with Meta's code.
#[tokio::test]
async fn instagram_tells_a_token_that_may_not_post() {
    let simulated = Simulated::start(crate::INSTAGRAM).await;
    let body = json!({"error": {"code": 10, "message": "(#10) Application does not have permission"}});
    let fault = json!({"kind": "answer", "status": 400, "body": body});
    simulated.goes_wrong(&json!([{"step": "quota", "fault": fault}])).await;
    let checked = check(&simulated, simulated.base_url(), "token").await;
    assert_eq!(code(&checked), "permission_denied");
    assert!(checked.account.is_some() && matches!(checked.credentials, Credentials::Refused(_)));
    assert!(
        checked
            .failure()
            .unwrap()
            .channel_said
            .as_ref()
            .unwrap()
            .contains("(#10)")
    );
}

#[tokio::test]
async fn a_blog_tells_whose_it_is() {
    let simulated = Simulated::start(crate::META_WEBLOG).await;
    let account = check(&simulated, simulated.base_url(), "token").await.account.unwrap();
    assert_eq!((&*account.id, account.name.as_deref()), ("shop", Some("blog")));
}

/// What a search can't tell is said.
#[tokio::test]
async fn what_was_not_tried_is_said() {
    for (subject, key) in [(crate::KAKAO_CHANNEL, "sender_key"), (crate::GENIE_TV, "product_id")] {
        let simulated = Simulated::start(subject).await;
        let checked = check(&simulated, simulated.base_url(), "token").await;
        assert!(checked.untried.unwrap().en.contains(key));
    }
}
