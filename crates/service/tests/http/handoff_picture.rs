//! The picture of a post that a person puts on their blog: given from here, and looked
//! at before anybody is shown it; and what a preview says of such a post.

use fanfare::config::Config;
use fanfare_simulator::RunningSimulator;
use serde_json::json;

use crate::handoff::{blog, by_hand, page, paste, path_of, posts, request, simulator};
use crate::support::Service;

/// The same, with pictures at the simulator.
fn with_pictures(simulator: &RunningSimulator) -> impl Fn(&mut Config) + use<> {
    let (change, host) = (by_hand(simulator), simulator.address.to_string());
    move |config| {
        change(config);
        config.media.allow_hosts = vec![host.clone()];
    }
}

/// Distributes with that picture; the page's path.
async fn handed_off(service: &Service, simulator: &RunningSimulator, picture: &str) -> String {
    let mut asked = request(&format!("evt-{picture}"));
    asked["contentUrls"]["imageUrl"] = json!(format!("{}/media/{picture}", simulator.base_url()));
    path_of(blog(&service.distribute(&asked).await.success(200)))
}

#[tokio::test]
async fn the_picture_comes_from_here_and_only_for_the_link() {
    let simulator = simulator().await;
    let service = Service::start_as(with_pictures(&simulator)).await;
    let path = handed_off(&service, &simulator, "a.jpg").await;
    let token = path.strip_prefix("/handoff/").unwrap();
    let shown = page(&service.get(&path).await, 200, "길게 눌러");
    assert!(
        shown.contains(&format!("<img id=image src=\"{token}/picture\"")),
        "beside the page, whatever a proxy puts before it: {shown}"
    );
    let picture = service.get(&format!("{path}/picture")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/jpeg"));
    assert_eq!(picture.header("x-content-type-options"), "nosniff");
    assert!(picture.header("cache-control").contains("private"));
    assert!(picture.body.starts_with(&[0xff, 0xd8]), "the file itself");
    page(&service.get("/handoff/x/picture").await, 404, "없는 링크입니다");
    let post = posts(&simulator).await;
    assert_eq!(paste(&service, &path, &[], &post).await.status, 303);
    let done = service.get(&format!("{path}/picture")).await;
    page(&done, 200, "완료되었습니다");
    service.stop().await;
}

#[tokio::test]
async fn a_picture_that_is_none_is_said_and_not_shown() {
    let simulator = simulator().await;
    simulator.put_media("drawing.jpg", b"<svg onload=alert(1)>".to_vec());
    let service = Service::start_as(with_pictures(&simulator)).await;
    let path = handed_off(&service, &simulator, "drawing.jpg").await;
    for answer in [service.get(&path).await, paste(&service, &path, &[], "x").await] {
        let status = answer.status;
        let shown = page(&answer, status, "사진을 불러올 수 없습니다");
        assert!(shown.contains("SVG") && !shown.contains("<img"), "{shown}");
    }
    let answer = service.get(&format!("{path}/picture")).await;
    page(&answer, 502, "SVG");
    service.stop().await;
}

#[tokio::test]
async fn the_preview_says_that_a_person_posts_it() {
    let simulator = simulator().await;
    let service = Service::start_as(by_hand(&simulator)).await;
    let shown = service.post("/api/distribution/preview", &request("evt-1")).await;
    let shown = shown.success(200)["channels"].clone();
    let codes: Vec<_> = shown[0]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["code"])
        .collect();
    assert_eq!(codes, ["hand_off"], "{shown}");
    service.stop().await;
}
