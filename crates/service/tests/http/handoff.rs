//! The blog, live. On Naver a person posts, by a page that is found with nothing
//! but its link, at the simulator. A blog elsewhere: `blog_elsewhere.rs`.

use std::sync::Arc;
use std::time::Duration;

use fanfare::clock::ManualClock;
use fanfare::config::{ChannelConfig, Config};
use fanfare_core::api_key::Scope;
use fanfare_core::channel::Mode;
use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use crate::support::{Answer, DISTRIBUTE, PATIENCE, Service, ask_elsewhere};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) async fn simulator() -> RunningSimulator {
    Simulator::start(SimulatorSettings::default()).await.unwrap()
}

/// A person posts, on the blog `shop`.
pub(crate) fn by_hand(simulator: &RunningSimulator) -> impl Fn(&mut Config) + use<> {
    let channel = ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{}/naver-blog", simulator.base_url())),
        account_id: Some("shop".to_owned()),
        ..ChannelConfig::default()
    };
    move |config| config.channels.naver_blog = channel.clone()
}

pub(crate) fn request(event: &str) -> Value {
    json!({
        "eventId": event,
        "channels": ["NaverBlog", "KakaoChannel"],
        "contentUrls": {"imageUrl": "https://cdn.example.com/a.jpg?x=1&y=2"},
        "content": {
            "title": "여는 날 <script>alert(1)</script>",
            "body": "10% 할인\n</textarea><script>alert(2)</script>",
            "link": "https://shop.example.com/a", "hashtags": ["빵집"],
        },
    })
}

pub(crate) fn blog(answer: &Value) -> &Value {
    let results = answer["results"].as_array().unwrap();
    results.iter().find(|result| result["channel"] == "NaverBlog").unwrap()
}

/// Distributes; the page's path.
async fn handed_off(service: &Service, event: &str) -> String {
    let answer = service.distribute(&request(event)).await.success(200);
    path_of(blog(&answer))
}

pub(crate) fn path_of(result: &Value) -> String {
    assert_eq!(result["status"], "ACTION_REQUIRED", "{result}");
    let url = result["actionUrl"].as_str().unwrap();
    let at = url.find("/handoff/").unwrap();
    url[at..].to_owned()
}

async fn status(service: &Service, event: &str) -> Value {
    let answer = service
        .get(&format!("/api/distribution/{event}/status"))
        .await
        .success(200);
    blog(&answer).clone()
}

pub(crate) async fn paste(service: &Service, path: &str, headers: &[(&str, &str)], pasted: &str) -> Answer {
    let headers: Vec<_> = [FORM].iter().chain(headers).copied().collect();
    let escaped: String = url::form_urlencoded::byte_serialize(pasted.as_bytes()).collect();
    service
        .ask("POST", path, &headers, format!("postUrl={escaped}").as_bytes())
        .await
}

/// A page that is whole, whatever it says.
#[track_caller]
pub(crate) fn page(answer: &Answer, status: u16, words: &str) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "same-origin");
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(text.contains(words), "{words}: {text}");
    text
}

/// What a finisher must press, and what they must fill in.
fn needed(shown: &str) -> (usize, usize) {
    let tags = |name: &str| shown.matches(&format!("<{name}")).count();
    let not_shown = shown.matches("<button type=button id=share hidden>").count();
    (tags("button") + tags("a ") - not_shown, tags("input"))
}

/// What the owner does in Naver's own editor.
pub(crate) async fn posts(simulator: &RunningSimulator) -> String {
    let url = format!("{}/naver-blog/shop/write?title=a&text=b", simulator.base_url());
    let answer = ask_elsewhere("POST", &url, b"").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn three_clicks_and_a_paste() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    assert_eq!(answer["openChannels"], json!(["NaverBlog"]));
    assert_eq!(answer["status"], "PARTIALLY_COMPLETED", "the others are there already");
    let result = blog(&answer);
    assert_eq!(
        (&result["code"], &result["retryAt"]),
        (&json!("hand_off"), &Value::Null)
    );
    assert!(result["actionUntil"].is_string(), "{result}");
    let url = result["actionUrl"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("http://{}/handoff/", service.address)),
        "{url}"
    );
    assert_eq!(
        status(&service, "evt-1").await["actionUrl"],
        url,
        "the cache tells it too"
    );
    let events = service.get("/api/events?after=0").await.success(200);
    assert!(
        !events.to_string().contains("/handoff/"),
        "no reader of the topic may do it: {events}"
    );

    let path = path_of(result);
    let shown = page(&service.get(&path).await, 200, "네이버 블로그에 올려 주세요");
    assert!(
        shown.contains("https://shop.example.com/a") && shown.contains("#빵집"),
        "the whole text: {shown}"
    );
    assert!(shown.contains("GoBlogWrite"), "{shown}");
    assert_eq!(needed(&shown), (3, 1), "copy, open, done; and the address: {shown}");
    let copied = shown.split_once("<textarea id=post rows=11 readonly>\n").unwrap().1;
    assert!(
        copied.starts_with("여는 날 &lt;script&gt;alert(1)&lt;/script&gt;\n\n10% 할인"),
        "in one go, the title first: {shown}"
    );

    let post = posts(&simulator).await;
    let shared = format!("여는 날 : 네이버 블로그{}", post.replace("//blog", "//m.blog"));
    let saved = paste(&service, &path, &[], &shared).await;
    assert_eq!(saved.status, 303, "{saved:?}");
    assert_eq!(format!("/handoff/{}", saved.header("location")), path);
    let told = page(&service.get(&path).await, 200, "완료되었습니다");
    assert!(
        told.contains(&post) && told.contains("처음 몇 분"),
        "the feed lags: {told}"
    );
    let result = status(&service, "evt-1").await;
    assert_eq!(
        (
            &result["status"],
            &result["channelState"],
            &result["postUrl"],
            &result["actionUrl"]
        ),
        (&json!("SUCCESS"), &json!("live"), &json!(post), &Value::Null)
    );
    page(&paste(&service, &path, &[], &post).await, 200, "It is done");
    assert_eq!(simulator.effects().len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_the_feed_shows_is_verified() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let post = posts(&simulator).await;
    simulator.clock().advance(Duration::from_secs(61));
    assert_eq!(paste(&service, &path, &[], &post).await.status, 303);
    assert_eq!(status(&service, "evt-1").await["channelState"], "verified");
    page(&service.get(&path).await, 200, "공개 피드에서 글을 확인");
    service.stop().await;
}

/// Whoever shows a preview of a link opens it.
#[tokio::test]
async fn to_open_it_changes_nothing() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let before = service.get("/api/events?after=0").await.success(200);
    for _ in 0..3 {
        let head = service
            .ask("HEAD", &path, &[("user-agent", "KAKAOTALK-scrap")], b"")
            .await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        page(&service.get(&path).await, 200, "완료");
    }
    assert_eq!(status(&service, "evt-1").await["status"], "ACTION_REQUIRED");
    assert_eq!(service.get("/api/events?after=0").await.success(200), before);
    // Nor does a restart: the key is kept.
    let service = service.restart_as(by_hand(&simulator)).await;
    page(&service.get(&path).await, 200, "완료");
    service.stop().await;
}

#[tokio::test]
async fn markup_in_the_post_is_text() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let pasted = "\"><script>alert(3)</script> https://evil.example/";
    for answer in [service.get(&path).await, paste(&service, &path, &[], pasted).await] {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(text.matches("<script>").count(), 1, "our own: {text}");
        assert_eq!(text.matches("</textarea>").count(), 1, "{text}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("img-src 'self'; connect-src 'self';") && !text.contains("cdn.example.com"),
            "nothing comes from elsewhere: {policy}"
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn a_forged_link_leads_nowhere() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let (named, _) = path.rsplit_once('.').unwrap();
    let other = handed_off(&service, "evt-2").await;
    let (_, signature) = other.rsplit_once('.').unwrap();
    for forged in [
        "/handoff/x".to_owned(),
        named.to_owned(),
        format!("{named}.{signature}"),
        format!("/handoff/{}", "A".repeat(3_000)),
        "/handoff/%00".to_owned(),
    ] {
        page(&service.get(&forged).await, 404, "없는 링크입니다");
        let pasted = paste(&service, &forged, &[], "https://blog.naver.com/shop/1").await;
        page(&pasted, 404, "leads nowhere");
    }
    assert_eq!(status(&service, "evt-1").await["status"], "ACTION_REQUIRED");
    service.stop().await;

    // Where nothing is handed off, no link is ours.
    let service = Service::start().await;
    page(&service.get(&path).await, 404, "없는 링크입니다");
    service.stop().await;
}

#[tokio::test]
async fn only_a_post_on_the_owner_s_blog_is_taken() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    for (pasted, words) in [
        ("", "주소를 찾지 못했습니다"),
        (
            "https://blog.naver.com.evil.example/shop/1",
            "네이버 블로그 주소가 아닙니다",
        ),
        ("https://www.instagram.com/p/1", "This is not on Naver Blog"),
        ("https://blog.naver.com/shop", "글의 주소가 아닙니다"),
        ("https://naver.me/abc", "단축 주소"),
        ("https://blog.naver.com/neighbour/1", "다른 블로그의 글"),
        ("javascript:alert(1)", "주소를 찾지 못했습니다"),
    ] {
        page(&paste(&service, &path, &[], pasted).await, 422, words);
    }
    let json = [("content-type", "application/json")];
    let answer = service.ask("POST", &path, &json, b"{}").await;
    answer.problem(415, "unsupported_media_type");
    let long = format!("postUrl={}", "x".repeat(20_000));
    service
        .ask("POST", &path, &[FORM], long.as_bytes())
        .await
        .problem(413, "body_too_large");
    assert_eq!(status(&service, "evt-1").await["status"], "ACTION_REQUIRED");
    service.stop().await;
}

/// Each shop has its own blog; without one of its own it is the operator's.
#[tokio::test]
async fn a_tenant_s_post_belongs_on_the_tenant_s_blog() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let key = service.key("cafe", &[Scope::Admin]).await;
    let headers = [key.header()];
    let account = "/api/channels/NaverBlog/account";
    let kept = service
        .send("PUT", account, &headers, &json!({"accountId": "cafe_blog"}))
        .await;
    let kept = kept.success(200);
    assert_eq!(
        (&kept["account"], &kept["accountId"]),
        (&json!("own"), &json!("cafe_blog"))
    );
    let answer = service
        .post_with(DISTRIBUTE, &headers, &request("evt-1"))
        .await
        .success(200);
    let path = path_of(blog(&answer));
    page(
        &service.get(&path).await,
        200,
        "blog.naver.com/cafe_blog 블로그에 올려 주세요",
    );
    let elsewhere = paste(&service, &path, &[], "https://blog.naver.com/shop/1").await;
    page(&elsewhere, 422, "다른 블로그의 글");

    // What the link is for goes by the account as it is when the post is there.
    service
        .send("PUT", account, &headers, &json!({"accountId": "cafe_new"}))
        .await
        .success(200);
    page(
        &paste(&service, &path, &[], "https://blog.naver.com/cafe_blog/1").await,
        422,
        "다른 블로그의 글",
    );
    let done = paste(&service, &path, &[], "https://m.blog.naver.com/cafe_new/223456789012").await;
    assert_eq!(done.status, 303, "{done:?}");

    let operator = service.key("default", &[Scope::Distribute]).await;
    let answer = service
        .post_with(DISTRIBUTE, &[operator.header()], &request("evt-2"))
        .await;
    let other = path_of(blog(&answer.success(200)));
    page(
        &service.get(&other).await,
        200,
        "blog.naver.com/shop 블로그에 올려 주세요",
    );
    page(
        &paste(&service, &other, &[], "https://blog.naver.com/cafe_new/1").await,
        422,
        "다른 블로그의 글",
    );
    service.stop().await;
}

#[tokio::test]
async fn another_site_s_form_is_refused() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let (post, host) = ("https://blog.naver.com/shop/7", service.address.to_string());
    for headers in [
        [("origin", "https://evil.example"), ("host", &*host)],
        [("origin", "null"), ("host", &*host)],
        [("sec-fetch-site", "cross-site"), ("host", &*host)],
    ] {
        page(&paste(&service, &path, &headers, post).await, 403, "다른 사이트");
    }
    assert_eq!(status(&service, "evt-1").await["status"], "ACTION_REQUIRED");
    let own = format!("http://{host}");
    let own = [("origin", &*own), ("sec-fetch-site", "same-origin"), ("host", &*host)];
    assert_eq!(paste(&service, &path, &own, post).await.status, 303);
    assert_eq!(status(&service, "evt-1").await["postUrl"], post);
    service.stop().await;
}

/// Two browsers at once: one is first, and both are told that it is done.
#[tokio::test]
async fn of_two_at_once_one_is_kept() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let path = handed_off(&service, "evt-1").await;
    let (first, second) = tokio::join!(
        paste(&service, &path, &[], "https://blog.naver.com/shop/1"),
        paste(&service, &path, &[], "https://blog.naver.com/shop/2")
    );
    for answer in [first, second] {
        assert!([200, 303].contains(&answer.status), "{answer:?}");
    }
    let result = status(&service, "evt-1").await;
    assert_eq!(result["status"], "SUCCESS");
    let events = service.get("/api/events?after=0").await.success(200);
    assert_eq!(
        events["events"].as_array().unwrap().len(),
        2,
        "handed off, done: {events}"
    );
    service.stop().await;
}

#[tokio::test]
async fn after_its_time_it_has_failed_and_a_redrive_makes_a_new_link() {
    let simulator = simulator().await;
    let clock = Arc::new(ManualClock::new("2026-11-22T09:00:00Z".parse().unwrap()));
    let service = Service::start_at(Arc::clone(&clock) as _, by_hand(&simulator)).await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    assert_eq!(blog(&answer)["actionUntil"], "2026-11-29T09:00:00Z");
    let (id, path) = (answer["distributionId"].as_str().unwrap(), path_of(blog(&answer)));
    page(&service.get(&path).await, 200, "2026-11-29 18:00");
    clock.advance(Duration::from_hours(24 * 7));
    let (over, post) = ("기한이 지났습니다", "https://blog.naver.com/shop/1");
    page(&service.get(&path).await, 410, over);
    page(&paste(&service, &path, &[], post).await, 410, over);
    let service = service
        .restart_at_as(Arc::clone(&clock) as _, by_hand(&simulator))
        .await;
    let failed = async {
        while status(&service, "evt-1").await["status"] != "FAILED" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, failed).await.expect("it waits for ever");
    let result = status(&service, "evt-1").await;
    assert_eq!(
        (&result["code"], &result["actionUrl"]),
        (&json!("expired"), &Value::Null)
    );

    let retry = service
        .post(&format!("/api/distributions/{id}/retry"), &json!({}))
        .await;
    let answer = retry.success(200);
    let newer = path_of(blog(&answer));
    page(&service.get(&path).await, 410, "새 링크가 있습니다");
    page(&paste(&service, &path, &[], post).await, 410, "newer link");
    assert_eq!(paste(&service, &newer, &[], post).await.status, 303);
    assert_eq!(status(&service, "evt-1").await["status"], "SUCCESS");
    service.stop().await;
}

/// The API's own way to say it, for whoever keeps the shop's books.
#[tokio::test]
async fn who_has_a_key_may_resolve_it_too() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    let (id, path) = (answer["distributionId"].as_str().unwrap(), path_of(blog(&answer)));
    let resolve = format!("/api/distributions/{id}/channels/NaverBlog/resolve");
    let answer = service.post(&resolve, &json!({"live": false})).await.success(200);
    assert_eq!(
        (&blog(&answer)["status"], &blog(&answer)["code"]),
        (&json!("FAILED"), &json!("not_live"))
    );
    page(&service.get(&path).await, 410, "기한이 지났습니다");
    service.stop().await;
}

#[tokio::test]
async fn links_begin_where_people_reach_the_service() {
    let simulator = simulator().await;
    let by_hand = by_hand(&simulator);
    let service = Service::start_as(|config| {
        by_hand(config);
        config.public_url = Some("https://shop.example.com/fanfare/".to_owned());
    })
    .await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    let url = blog(&answer)["actionUrl"].as_str().unwrap();
    assert!(url.starts_with("https://shop.example.com/fanfare/handoff/"), "{url}");
    service.stop().await;
}

#[tokio::test]
async fn what_was_handed_over_can_be_called_off() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let answer = service.distribute(&request("evt-1")).await.success(200);
    let path = path_of(blog(&answer));
    let id = answer["distributionId"].as_str().unwrap();
    let cancelled = service
        .post(&format!("/api/distributions/{id}/cancel"), &json!({"reason": "비"}))
        .await;
    let cancelled = cancelled.success(200);
    assert_eq!(cancelled["cancellation"][0]["effect"], "cancelled", "{cancelled}");
    // Who was to post it may have.
    let message = cancelled["cancellation"][0]["message"].as_str().unwrap();
    assert!(message.contains("If it was posted by hand already"), "{message}");
    assert_eq!(cancelled["cancellation"][1]["effect"], "stays_live");
    assert_eq!(blog(&cancelled)["status"], "CANCELLED");
    page(&service.get(&path).await, 410, "기한이 지났습니다");
    let url = posts(&simulator).await;
    page(&paste(&service, &path, &[], &url).await, 410, "기한이 지났습니다");
    assert_eq!(status(&service, "evt-1").await["status"], "CANCELLED");
    service.stop().await;
}
