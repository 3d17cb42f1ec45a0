//! Several pictures as a carousel and a film as a Reel, from the request to what the
//! simulated Instagram shows.

use fanfare_core::picture::ImageFit;
use fanfare_simulator::RunningSimulator;
use serde_json::{Value, json};

use crate::live::{goes_wrong, once, result};
use crate::media::{hex, kept, png, simulator, start};
use crate::support::{Service, ask_elsewhere};

const PREVIEW: &str = "/api/distribution/preview";
const PICTURES: &str = "/channelOptions/Instagram/imageUrls";

/// Instagram alone, with these media and options.
fn request(event: &str, urls: &Value, options: &Value) -> Value {
    let mut options = options.clone();
    options["caption"] = json!(format!("여는 날 {event}"));
    json!({
        "eventId": event, "channels": ["Instagram"], "contentUrls": urls,
        "channelOptions": {"Instagram": options},
    })
}

fn here(simulator: &RunningSimulator, files: &[&str]) -> Vec<String> {
    let base_url = simulator.base_url();
    files.iter().map(|file| format!("{base_url}/media/{file}")).collect()
}

/// How often Instagram made what was asked for in this step.
async fn made(simulator: &RunningSimulator, step: &str) -> usize {
    let url = format!("{}/_simulator/requests", simulator.base_url());
    let seen: Value = serde_json::from_slice(&ask_elsewhere("GET", &url, b"").await.body).unwrap();
    let seen = seen["requests"].as_array().unwrap();
    let is_made = |request: &&Value| request["step"] == step && request["status"] == 200;
    seen.iter().filter(is_made).count()
}

/// What the last post shows.
fn shown(simulator: &RunningSimulator) -> Value {
    simulator.effects().last().unwrap().content.clone()
}

#[tokio::test]
async fn several_pictures_are_one_post() {
    let simulator = simulator(&[("wide.png", png(1_800, 400))]).await;
    let service = start(&simulator, |_| {}).await;
    let pictures = here(&simulator, &["1.jpg", "wide.png", "3.jpg"]);
    // The picture of the other channels stays theirs.
    let urls = json!({"imageUrl": here(&simulator, &["a.jpg"])[0]});
    let body = request("evt-1", &urls, &json!({"imageUrls": pictures}));
    let answer = service.distribute(&body).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let shown = shown(&simulator);
    let images = shown["imageUrls"].as_array().unwrap();
    assert_eq!((&images[0], &images[2]), (&json!(pictures[0]), &json!(pictures[2])));
    // The one that does not fit was made to, and lies here.
    let fitted = images[1].as_str().unwrap();
    let (_, name) = fitted
        .split_once(&format!("http://{}/media/", service.address))
        .unwrap();
    let file = service.get(&format!("/media/{name}")).await;
    assert_eq!((file.status, hex(&file.body)), (200, name.to_owned()));
    assert_eq!(shown["caption"], "여는 날 evt-1");
    assert_eq!(shown["children"].as_array().unwrap().len(), 3);
    assert_eq!((simulator.effects().len(), made(&simulator, "child").await), (1, 3));
    // What was sent stays in the log, and the post can be seen.
    let kept: Value = serde_json::from_str(&kept(&service, answer["distributionId"].as_str().unwrap())).unwrap();
    assert_eq!(
        (kept["pictures"].as_array().unwrap().len(), &kept["pictures"][1]),
        (3, &json!(name))
    );
    let page = ask_elsewhere("GET", result(&answer, "Instagram")["postUrl"].as_str().unwrap(), b"").await;
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert_eq!(page.matches("<img ").count(), 3, "{page}");
    service.stop().await;
}

#[tokio::test]
async fn one_bad_picture_of_several_fails_them_all_and_is_named() {
    let simulator = simulator(&[("wide.png", png(1_800, 400)), ("text.jpg", b"<html>".to_vec())]).await;
    let service = start(&simulator, |config| {
        config.channels.instagram.image_fit = ImageFit::Refuse;
    })
    .await;
    for (file, words) in [
        (
            "text.jpg",
            "Picture 2 of 3: What is at the picture's address is no JPEG",
        ),
        (
            "wide.png",
            "Picture 2 of 3: The channel does not take this picture (image/png, 1800 × 400",
        ),
        (
            "nothing.png",
            "Picture 2 of 3: The media file's server does not give it",
        ),
    ] {
        let pictures = here(&simulator, &["1.jpg", file, "3.jpg"]);
        let body = request(file, &json!({}), &json!({"imageUrls": pictures}));
        let answer = service.distribute(&body).await.success(200);
        let told = result(&answer, "Instagram");
        assert_eq!(told["code"], "media_rejected", "{told}");
        assert!(told["message"].as_str().unwrap().starts_with(words), "{told}");
    }
    assert_eq!((simulator.effects().len(), made(&simulator, "child").await), (0, 0));
    service.stop().await;
}

/// T4 for what has several containers: an answer is lost at every step.
#[tokio::test]
async fn a_lost_answer_posts_no_carousel_twice() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |config| config.engine.max_attempts = 5).await;
    for step in ["child", "status", "carousel", "publish", "permalink"] {
        goes_wrong(&simulator, &once("instagram", step, &json!({"kind": "drop-after"}))).await;
        let pictures = here(&simulator, &["1.jpg", "2.jpg"]);
        let body = request(step, &json!({}), &json!({"imageUrls": pictures}));
        let answer = service.distribute(&body).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{step}: {answer}");
    }
    assert_eq!(simulator.effects().len(), 5);
    service.stop().await;
}

#[tokio::test]
async fn a_film_is_posted_as_a_reel() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |_| {}).await;
    let film = here(&simulator, &["a.mp4"]).remove(0);
    let picture = here(&simulator, &["a.jpg"]).remove(0);
    for (event, urls, options) in [
        ("evt-only", json!({"videoUrl": film}), json!({})),
        (
            "evt-asked",
            json!({"videoUrl": film, "imageUrl": picture}),
            json!({"reel": true}),
        ),
    ] {
        let answer = service.distribute(&request(event, &urls, &options)).await.success(200);
        assert_eq!(answer["status"], "COMPLETED", "{answer}");
        let caption = format!("여는 날 {event}");
        assert_eq!(shown(&simulator), json!({"videoUrl": film, "caption": caption}));
        let page = ask_elsewhere("GET", result(&answer, "Instagram")["postUrl"].as_str().unwrap(), b"").await;
        assert!(String::from_utf8_lossy(&page.body).contains("<video "));
    }
    // Beside a picture, a film is not shown unless that is asked for.
    let urls = json!({"videoUrl": film, "imageUrl": picture});
    let answer = service
        .distribute(&request("evt-picture", &urls, &json!({})))
        .await
        .success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(shown(&simulator)["imageUrl"], json!(picture));
    assert_eq!(simulator.effects().len(), 3);
    service.stop().await;
}

/// Meta makes films anew, which takes longer than a picture may.
#[tokio::test]
async fn a_film_that_meta_can_t_play_fails_with_its_reason() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |_| {}).await;
    let failed = json!({"kind": "container-error", "subcode": 2_207_026});
    goes_wrong(&simulator, &once("instagram", "create", &failed)).await;
    let urls = json!({"videoUrl": here(&simulator, &["a.mp4"])[0]});
    let answer = service
        .distribute(&request("evt-1", &urls, &json!({})))
        .await
        .success(200);
    let told = result(&answer, "Instagram");
    assert_eq!(
        (&told["status"], &told["code"]),
        (&json!("FAILED"), &json!("media_rejected")),
        "{told}"
    );
    assert!(simulator.effects().is_empty());
    service.stop().await;
}

/// The simulator's own film, with one word for another.
pub(crate) fn film(word: &[u8], other: &[u8]) -> Vec<u8> {
    let mut film = include_bytes!("../../../simulator/src/channels/empty.mp4").to_vec();
    let at = film.windows(word.len()).position(|found| found == word).unwrap();
    film.splice(at..at + word.len(), other.iter().copied());
    film
}

/// Fifteen seconds, as the film's head says it.
pub(crate) const FIFTEEN: &[u8] = &[0, 0, 0x03, 0xe8, 0, 0, 0x3a, 0x98];

#[tokio::test]
async fn a_film_that_instagram_does_not_take_is_told_before_meta_is_called() {
    let hour = [&FIFTEEN[..4], &3_600_000_u32.to_be_bytes()].concat();
    let files = [
        ("av1.mp4", film(b"avc1", b"av01")),
        ("opus.mov", film(b"mp4a", b"Opus")),
        ("short.mp4", film(FIFTEEN, &[0, 0, 0x03, 0xe8, 0, 0, 0x09, 0x60])),
        ("long.mp4", film(FIFTEEN, &hour)),
        ("page.mp4", b"<html>no film</html>".to_vec()),
        ("cut.mp4", film(b"avc1", b"avc1")[..200].to_vec()),
        ("silent.mp4", film(b"vide", b"text")),
    ];
    let simulator = simulator(&files).await;
    let service = start(&simulator, |_| {}).await;
    for (file, english, korean) in [
        (
            "av1.mp4",
            "picture is coded as av01, and only H.264, HEVC",
            "화면 코덱이 av01",
        ),
        ("opus.mov", "sound is coded as Opus, and AAC", "소리 코덱이 Opus"),
        ("short.mp4", "lasts 2.4 seconds", "2.4초"),
        (
            "long.mp4",
            "lasts 3600.0 seconds, and 3 seconds to 15 minutes",
            "3초 이상 15분 이하",
        ),
        ("page.mp4", "no MP4 or MOV", "MP4나 MOV가 아닙니다"),
        ("cut.mp4", "broken or not whole", "손상되었거나"),
        ("silent.mp4", "and no picture", "화면이 없습니다"),
        ("nothing.txt", "status 404", "404"),
    ] {
        let urls = json!({"videoUrl": here(&simulator, &[file])[0]});
        // Its name says nothing that would be refused at once.
        let urls = json!({"videoUrl": urls["videoUrl"].as_str().unwrap().replace(".txt", "")});
        let answer = service.distribute(&request(file, &urls, &json!({}))).await.success(200);
        let told = result(&answer, "Instagram");
        assert_eq!(
            (&told["status"], &told["code"]),
            (&json!("FAILED"), &json!("media_rejected")),
            "{told}"
        );
        assert!(told["message"].as_str().unwrap().contains(english), "{told}");
        let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
        let shown = service.ask("GET", &path, &[("accept-language", "ko")], b"").await;
        let shown = shown.success(200);
        assert!(
            result(&shown, "Instagram")["message"]
                .as_str()
                .unwrap()
                .contains(korean),
            "{shown}"
        );
    }
    assert_eq!((simulator.effects().len(), made(&simulator, "create").await), (0, 0));
    service.stop().await;
}

/// Neither says anything of the film itself.
#[tokio::test]
async fn a_film_s_server_that_is_away_or_leads_elsewhere_is_no_bad_film() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |_| {}).await;
    for (event, fault, code) in [
        (
            "evt-away",
            json!({"kind": "answer", "status": 503}),
            "media_unavailable",
        ),
        (
            "evt-elsewhere",
            json!({"kind": "garbage", "what": "redirect"}),
            "url_not_allowed",
        ),
    ] {
        goes_wrong(&simulator, &once("media", "file", &fault)).await;
        let urls = json!({"videoUrl": here(&simulator, &["a.mp4"])[0]});
        let answer = service
            .distribute(&request(event, &urls, &json!({})))
            .await
            .success(200);
        assert_eq!(result(&answer, "Instagram")["code"], code, "{answer}");
    }
    assert_eq!(made(&simulator, "create").await, 0);
    service.stop().await;
}

/// What would be sent, and what is wrong with it, is the same as what is.
#[tokio::test]
async fn the_preview_shows_what_instagram_would_show() {
    let service = Service::start().await;
    let pictures = json!(["https://cdn.example.com/1.jpg", "https://cdn.example.com/2.jpg"]);
    let film = "https://cdn.example.com/a.mp4";
    for (urls, options, field, value) in [
        (json!({}), json!({"imageUrls": pictures}), "imageUrls", pictures.clone()),
        (json!({"videoUrl": film}), json!({}), "videoUrl", json!(film)),
    ] {
        let body = request(field, &urls, &options);
        let preview = service.post(PREVIEW, &body).await.success(200);
        let channel = &preview["channels"][0];
        assert_eq!((&channel["wouldSend"], &channel["faults"]), (&json!(true), &json!([])));
        let expected = json!({"caption": format!("여는 날 {field}"), field: value});
        assert_eq!(channel["content"], expected);
        // A mock answers as ever.
        let answer = service.distribute(&body).await.success(200);
        assert_eq!(result(&answer, "Instagram")["mode"], "mock");
    }
    service.stop().await;
}

#[tokio::test]
async fn what_can_t_be_shown_is_refused_with_its_place() {
    let service = Service::start().await;
    let url = |number: usize| format!("https://cdn.example.com/{number}.jpg");
    let many = |count: usize| -> Vec<String> { (0..count).map(url).collect() };
    let film = json!({"videoUrl": "https://cdn.example.com/a.mp4"});
    for (urls, options, pointer, code) in [
        (json!({}), json!({"imageUrls": many(1)}), PICTURES, "too_few"),
        (json!({}), json!({"imageUrls": many(11)}), PICTURES, "too_many"),
        (
            json!({}),
            json!({"imageUrls": [url(1), "http://10.0.0.1/2.jpg"]}),
            "/channelOptions/Instagram/imageUrls/1",
            "url_not_allowed",
        ),
        (
            film.clone(),
            json!({"imageUrls": many(2), "reel": true}),
            PICTURES,
            "conflicting",
        ),
        (json!({}), json!({"reel": true}), "/contentUrls/videoUrl", "required"),
        (film, json!({"reel": false}), "/contentUrls/imageUrl", "required"),
    ] {
        let body = request("evt-1", &urls, &options);
        let refused = service.distribute(&body).await;
        refused.problem(422, "validation_failed");
        assert_eq!(refused.faults(), [(pointer.to_owned(), code.to_owned())], "{options}");
        let preview = service.post(PREVIEW, &body).await.success(200);
        let fault = &preview["channels"][0]["faults"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!(pointer), &json!(code)));
    }
    service
        .get("/api/distribution/evt-1/status")
        .await
        .problem(404, "event_not_found");
    service.stop().await;
}

/// Thirty, which is all that the API takes, and never a thirty-first.
#[tokio::test]
async fn how_many_hashtags_a_post_has_is_configured() {
    let hashtags = |count: usize| -> Vec<String> { (0..count).map(|number| format!("tag{number}")).collect() };
    let image = json!({"imageUrl": "https://cdn.example.com/a.jpg"});
    let body = |count| request("evt-1", &image, &json!({"hashtags": hashtags(count)}));
    for (configured, most) in [(None, 5), (Some(2), 2), (Some(30), 30)] {
        let service = Service::start_as(|config| config.channels.instagram.hashtags_max = configured).await;
        let refused = service.distribute(&body(most + 1)).await;
        refused.problem(422, "validation_failed");
        let place = "/channelOptions/Instagram/hashtags".to_owned();
        assert_eq!(
            refused.faults(),
            [(place.clone(), "too_many".to_owned())],
            "{configured:?}"
        );
        service.distribute(&body(most)).await.success(200);
        let list = service.get("/api/channels").await.success(200);
        let shown = list["channels"].as_array().unwrap().iter();
        let limits = shown.clone().find(|channel| channel["name"] == "Instagram").unwrap()["limits"].clone();
        let limit = limits
            .as_array()
            .unwrap()
            .iter()
            .find(|limit| limit["pointer"] == place);
        assert_eq!(limit.unwrap()["max"], json!(most), "{configured:?}");
        service.stop().await;
    }
}
