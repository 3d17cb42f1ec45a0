//! Instagram's carousels and Reels: what is made, what is refused, and what people see.

use std::time::Duration;

use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use super::{TOKEN, ask, effects, faults, graph, raw, start};

/// A container, or what Meta said in its place: code and subcode.
async fn make(simulator: &RunningSimulator, form: &str) -> Result<String, (Value, Value)> {
    let (status, mut answer) = graph(simulator, "POST", "1/media", form).await;
    if status == 200 {
        return Ok(answer["id"].as_str().unwrap().to_owned());
    }
    let error = answer["error"].take();
    Err((error["code"].clone(), error["error_subcode"].clone()))
}

async fn child(simulator: &RunningSimulator, picture: &str) -> String {
    let form = format!("image_url=https://a.kr/{picture}.jpg&is_carousel_item=true");
    make(simulator, &form).await.unwrap()
}

async fn carousel(simulator: &RunningSimulator, children: &[&str]) -> Result<String, (Value, Value)> {
    let form = format!("media_type=CAROUSEL&caption=hi&children={}", children.join("%2C"));
    make(simulator, &form).await
}

async fn status(simulator: &RunningSimulator, id: &str) -> Value {
    let (_, answer) = graph(simulator, "GET", &format!("{id}?fields=status_code,status"), "").await;
    answer["status_code"].clone()
}

async fn publish(simulator: &RunningSimulator, id: &str) -> (u16, Value) {
    graph(simulator, "POST", "1/media_publish", &format!("creation_id={id}")).await
}

#[tokio::test]
async fn a_carousel_is_made_of_containers_that_are_ready() {
    let simulator = start().await;
    let (first, second) = (child(&simulator, "1").await, child(&simulator, "2").await);
    let both = [first.as_str(), &second];
    assert_eq!(carousel(&simulator, &both).await, Err((json!(9007), json!(2_207_027))));
    simulator.clock().advance(Duration::from_secs(1));
    let made = carousel(&simulator, &both).await.unwrap();
    simulator.clock().advance(Duration::from_secs(1));
    let (_, answer) = publish(&simulator, &made).await;
    let shown = effects(&simulator).await;
    let content = json!({
        "imageUrls": ["https://a.kr/1.jpg", "https://a.kr/2.jpg"], "children": both, "caption": "hi",
    });
    assert_eq!(
        (shown.len(), &shown[0]["content"], &shown[0]["remoteId"]),
        (1, &content, &answer["id"])
    );
    assert_eq!(
        status(&simulator, &first).await,
        "PUBLISHED",
        "it can't be shown in another one"
    );
    let again = carousel(&simulator, &both).await;
    assert_eq!(again, Err((json!(24), json!(2_207_006))));
    let page = format!("/instagram/p/{}", answer["id"].as_str().unwrap());
    assert_eq!(raw(&simulator, "GET", &page, &[], "").await.matches("<img ").count(), 2);
}

#[tokio::test]
async fn a_carousel_is_refused_for_each_of_its_rules() {
    let simulator = start().await;
    let first = child(&simulator, "1").await;
    let expired = json!([{"step": "child", "times": 1, "fault": {"kind": "container-expired"}}]);
    faults(&simulator, expired).await;
    let old = child(&simulator, "2").await;
    let single = make(&simulator, "image_url=https://a.kr/a.jpg&caption=hi")
        .await
        .unwrap();
    simulator.clock().advance(Duration::from_secs(1));
    let eleven = [first.as_str(); 11];
    for (children, code, subcode) in [
        (&[][..], 100, 2_207_028),
        (&[first.as_str()], 100, 2_207_028),
        (&eleven, 100, 2_207_028),
        (&[&first, "17890000000000099"], 24, 2_207_008),
        (&[&first, &old], 24, 2_207_006),
        // It was not made as an item.
        (&[&first, &single], 100, 2_207_028),
    ] {
        assert_eq!(
            carousel(&simulator, children).await,
            Err((json!(code), json!(subcode))),
            "{children:?}"
        );
    }
    let captioned = make(
        &simulator,
        "image_url=https://a.kr/1.jpg&is_carousel_item=true&caption=hi",
    )
    .await;
    assert_eq!(captioned, Err((json!(100), Value::Null)));
    assert_eq!(publish(&simulator, &first).await.0, 400, "an item is no post");
    assert!(effects(&simulator).await.is_empty());
}

#[tokio::test]
async fn a_reel_takes_longer_than_a_picture() {
    let simulator = start().await;
    let film = format!("{}/media/a.mp4", simulator.base_url());
    let made = make(&simulator, &format!("media_type=REELS&video_url={film}&caption=hi"))
        .await
        .unwrap();
    simulator.clock().advance(Duration::from_secs(2));
    assert_eq!(status(&simulator, &made).await, "IN_PROGRESS");
    simulator.clock().advance(Duration::from_secs(1));
    assert_eq!(status(&simulator, &made).await, "FINISHED");
    let (_, answer) = publish(&simulator, &made).await;
    let shown = effects(&simulator).await;
    assert_eq!(shown[0]["content"], json!({"videoUrl": film, "caption": "hi"}));
    let page = format!("/instagram/p/{}", answer["id"].as_str().unwrap());
    assert!(raw(&simulator, "GET", &page, &[], "").await.contains("<video "));
}

#[tokio::test]
async fn a_reel_is_refused_for_each_of_its_rules() {
    let simulator = start().await;
    for (form, code, subcode) in [
        ("media_type=REELS&caption=hi", 100, Value::Null),
        ("media_type=REELS&image_url=https://a.kr/a.jpg", 100, Value::Null),
        ("video_url=https://a.kr/a.mp4", 100, Value::Null),
        ("media_type=VIDEO&video_url=https://a.kr/a.mp4", 100, json!(2_207_023)),
        ("media_type=STORIES&image_url=https://a.kr/a.jpg", 100, json!(2_207_023)),
        (
            "media_type=REELS&is_carousel_item=true&video_url=https://a.kr/a.mp4",
            100,
            json!(2_207_023),
        ),
        (
            "media_type=REELS&video_url=https://a.invalid/a.mp4",
            9_004,
            json!(2_207_052),
        ),
    ] {
        assert_eq!(make(&simulator, form).await, Err((json!(code), subcode)), "{form}");
    }
    // What Meta finds when it has fetched the film.
    let base_url = simulator.base_url();
    for film in [
        "https://a.kr/a.webm",
        &format!("{base_url}/media/a.jpg"),
        &format!("{base_url}/media/none.txt"),
    ] {
        let made = make(&simulator, &format!("media_type=REELS&video_url={film}"))
            .await
            .unwrap();
        simulator.clock().advance(Duration::from_secs(3));
        assert_eq!(status(&simulator, &made).await, "ERROR", "{film}");
        assert_eq!(publish(&simulator, &made).await.0, 400);
    }
    assert!(effects(&simulator).await.is_empty());
}

#[tokio::test]
async fn a_part_of_a_file_is_given_where_it_is_asked_for() {
    let simulator = start().await;
    let part = async |range: &str| {
        let answer = raw(&simulator, "GET", "/media/a.mp4", &[("range", range)], "").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let range = head.lines().find_map(|line| line.strip_prefix("content-range: "));
        (head[9..12].to_owned(), range.unwrap_or_default().to_owned(), body.len())
    };
    let (_, whole, _) = part("bytes=0-0").await;
    let all: usize = whole.strip_prefix("bytes 0-0/").unwrap().parse().unwrap();
    for (range, status, given, length) in [
        ("bytes=4-7", "206", format!("bytes 4-7/{all}"), 4),
        ("bytes=0-99999999", "206", format!("bytes 0-{}/{all}", all - 1), 0),
        ("bytes=99999999-", "416", format!("bytes */{all}"), 0),
        ("lines=1-2", "200", String::new(), 0),
    ] {
        let found = part(range).await;
        assert_eq!((&*found.0, &found.1), (status, &given), "{range}");
        assert!(length == 0 || found.2 == length, "{range}: {found:?}");
    }
    assert_eq!(ask(&simulator, "GET", "/media/a.txt", &[], "").await.0, 404);
}

/// What is used up is said beside an answer that is as always.
#[tokio::test]
async fn a_success_may_say_that_the_allowance_is_used_up() {
    let simulator = start().await;
    let used_up = json!([{"step": "quota", "times": 1, "fault": {"kind": "usage", "percent": 100, "minutes": 19}}]);
    faults(&simulator, used_up).await;
    let path = "/instagram/v26.0/1/content_publishing_limit";
    for (call_count, minutes) in [(100, 19), (1, 0)] {
        let answer = raw(&simulator, "GET", path, &[TOKEN], "").await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.contains("quota_usage"),
            "{answer}"
        );
        for said in [
            format!("x-app-usage: {{\"call_count\":{call_count},"),
            format!("\"estimated_time_to_regain_access\":{minutes}"),
        ] {
            assert!(answer.contains(&said), "{said}: {answer}");
        }
    }
}
