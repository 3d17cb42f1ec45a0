//! Pictures, from the user's address to what a channel is sent: the simulated
//! Instagram fetches what it is told to and judges the bytes, as the real one does.

use std::collections::HashMap;

use bytes::Bytes;
use fanfare::config::{ChannelConfig, ChannelProtocol, Config};
use fanfare_channels::media::OnChange;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Mode;
use fanfare_core::picture::ImageFit;
use fanfare_simulator::{RunningSimulator, Simulator, SimulatorSettings};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::live::{goes_wrong, live, once, request, result};
use crate::support::{Answer, Service, ask_elsewhere};

/// With files of these names.
pub(crate) async fn simulator(files: &[(&str, Vec<u8>)]) -> RunningSimulator {
    let files = files
        .iter()
        .cloned()
        .map(|(name, bytes)| (name.to_owned(), Bytes::from(bytes)));
    let settings = SimulatorSettings {
        media: files.collect::<HashMap<_, _>>(),
        ..SimulatorSettings::default()
    };
    Simulator::start(settings).await.unwrap()
}

/// Red from edge to edge.
pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let red = [200, 20, 20].repeat(width as usize * height as usize);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&red).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Says 60,000 × 60,000 in its header.
fn bomb() -> Vec<u8> {
    let mut bytes = png(1, 1);
    bytes[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let sum = !bytes[12..29].iter().fold(u32::MAX, |sum, byte| {
        let step = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        (0..8).fold(sum ^ u32::from(*byte), step)
    });
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// Instagram alone, live, with this picture.
async fn announce(simulator: &RunningSimulator, service: &Service, event: &str, file: &str) -> Value {
    let mut body = request(simulator, event);
    body["channels"] = json!(["Instagram"]);
    body["channelOptions"].as_object_mut().unwrap().remove("WooridongneTV");
    body["contentUrls"]["imageUrl"] = json!(format!("{}/media/{file}", simulator.base_url()));
    service.distribute(&body).await.success(200)
}

pub(crate) async fn start(simulator: &RunningSimulator, further: impl FnOnce(&mut Config)) -> Service {
    let change = live(simulator.base_url());
    Service::start_as(|config| {
        change(config);
        config.calls.deadline_ms = 5_000;
        config.engine.max_attempts = 1;
        further(config);
    })
    .await
}

/// The address that Instagram published last.
fn published(simulator: &RunningSimulator) -> String {
    let effects = simulator.effects();
    effects.last().unwrap().content["imageUrl"].as_str().unwrap().to_owned()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Width and height, in a JPEG's frame.
fn size(jpeg: &[u8]) -> (u16, u16) {
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let side = |at: usize| u16::from_be_bytes([jpeg[frame + at], jpeg[frame + at + 1]]);
    (side(7), side(5))
}

#[tokio::test]
async fn a_picture_that_instagram_does_not_take_is_made_to_fit() {
    let simulator = simulator(&[("wide.png", png(1_800, 400)), ("tall.png", png(200, 900))]).await;
    for (fit, wide, tall) in [
        (ImageFit::Pad, (1_440, 754), (720, 900)),
        (ImageFit::Crop, (764, 400), (320, 400)),
    ] {
        let service = start(&simulator, |config| config.channels.instagram.image_fit = fit).await;
        for (file, expected) in [("wide.png", wide), ("tall.png", tall)] {
            let event = format!("evt-{file}-{fit:?}");
            let answer = announce(&simulator, &service, &event, file).await;
            assert_eq!(answer["status"], "COMPLETED", "{answer}");
            let url = published(&simulator);
            let (_, name) = url.split_once(&format!("http://{}/media/", service.address)).unwrap();
            let fetched = service.get(&format!("/media/{name}")).await;
            assert_eq!((fetched.status, fetched.header("content-type")), (200, "image/jpeg"));
            assert!(fetched.header("cache-control").contains("immutable"), "{fetched:?}");
            assert_eq!(
                (hex(&fetched.body), size(&fetched.body)),
                (name.to_owned(), expected),
                "{file} {fit:?}"
            );
            assert!(kept(&service, answer["distributionId"].as_str().unwrap()).contains(name));
        }
        service.stop().await;
    }
}

/// What the log says of the delivery's protocol.
pub(crate) fn kept(service: &Service, id: &str) -> String {
    let log = Connection::open(service.data_dir().join("fanfare.db")).unwrap();
    let query = "SELECT checkpoint FROM distribution_channel_logs WHERE distribution_log_id = ?1";
    log.query_row(query, [id], |row| row.get(0)).unwrap()
}

/// Meta is given the user's own address where the picture is as it wants it.
#[tokio::test]
async fn a_picture_that_fits_is_left_where_it_is() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |_| {}).await;
    let answer = announce(&simulator, &service, "evt-1", "a.jpg").await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    assert_eq!(published(&simulator), format!("{}/media/a.jpg", simulator.base_url()));
    assert!(!service.data_dir().join("media").exists());
    service.stop().await;
}

#[tokio::test]
async fn what_is_no_good_picture_fails_with_its_reason_in_both_languages() {
    let files = [
        ("drawing.jpg", b"<svg onload=alert(1)>".to_vec()),
        ("lying.jpg", png(400, 400)),
        ("bomb.png", bomb()),
        ("text.jpg", b"<html>".to_vec()),
        ("cut.png", png(400, 200)[..60].to_vec()),
    ];
    let simulator = simulator(&files).await;
    let service = start(&simulator, |_| {}).await;
    for (file, english, korean) in [
        ("drawing.jpg", "SVG", "SVG"),
        ("lying.jpg", "calls it image/jpeg, and it is image/png", "Content-Type"),
        ("bomb.png", "60000 × 60000", "60000 × 60000"),
        ("text.jpg", "no JPEG", "아닙니다"),
        ("cut.png", "broken", "손상"),
        ("nothing.png", "status 404", "404"),
    ] {
        refused(&simulator, &service, file, "media_rejected", (english, korean)).await;
    }
    for (what, code, words) in [
        ("endless", "media_rejected", ("24 MB", "24MB")),
        ("redirect", "url_not_allowed", ("status 307", "상태 코드 307")),
        ("html", "media_rejected", ("no JPEG", "아닙니다")),
    ] {
        let fault = json!({"kind": "garbage", "what": what});
        goes_wrong(
            &simulator,
            &json!([{"channel": "media", "step": "file", "fault": fault}]),
        )
        .await;
        // Another address: what was fetched before is still known.
        let file = format!("{what}.jpg");
        refused(&simulator, &service, &file, code, words).await;
    }
    assert!(simulator.effects().is_empty());
    service.stop().await;
}

/// That says nothing of the file, and passes: a retry once it has passed can help.
#[tokio::test]
async fn a_server_of_media_that_is_away_is_asked_again() {
    let simulator = simulator(&[]).await;
    let service = start(&simulator, |config| config.engine.max_attempts = 2).await;
    let away = json!({"kind": "answer", "status": 503});
    goes_wrong(&simulator, &once("media", "file", &away)).await;
    let answer = announce(&simulator, &service, "evt-once", "once.jpg").await;
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    goes_wrong(
        &simulator,
        &json!([{"channel": "media", "step": "file", "fault": away}]),
    )
    .await;
    let answer = announce(&simulator, &service, "evt-long", "long.jpg").await;
    let told = result(&answer, "Instagram");
    assert_eq!(
        (&told["status"], &told["code"], &told["retryable"]),
        (&json!("FAILED"), &json!("media_unavailable"), &json!(true)),
        "{told}"
    );
    goes_wrong(&simulator, &json!([])).await;
    let id = answer["distributionId"].as_str().unwrap();
    let retried = service
        .post(&format!("/api/distributions/{id}/retry"), &json!({}))
        .await;
    assert_eq!(retried.success(200)["status"], "COMPLETED");
    service.stop().await;
}

async fn refused(
    simulator: &RunningSimulator,
    service: &Service,
    file: &str,
    code: &str,
    (english, korean): (&str, &str),
) {
    let answer = announce(simulator, service, &format!("evt-{file}"), file).await;
    let told = result(&answer, "Instagram");
    assert_eq!(
        (&told["status"], &told["code"]),
        (&json!("FAILED"), &json!(code)),
        "{file}: {told}"
    );
    assert!(told["message"].as_str().unwrap().contains(english), "{file}: {told}");
    let path = format!("/api/distributions/{}", answer["distributionId"].as_str().unwrap());
    let shown: Answer = service.ask("GET", &path, &[("accept-language", "ko")], b"").await;
    let shown = shown.success(200);
    let told = result(&shown, "Instagram");
    assert!(told["message"].as_str().unwrap().contains(korean), "{file}: {told}");
}

#[tokio::test]
async fn nothing_is_made_to_fit_where_that_is_not_wanted() {
    let simulator = simulator(&[("wide.png", png(1_800, 400))]).await;
    let service = start(&simulator, |config| {
        config.channels.instagram.image_fit = ImageFit::Refuse;
    })
    .await;
    let words = ("image/png, 1800 × 400", "1800 × 400");
    refused(&simulator, &service, "wide.png", "media_rejected", words).await;
    service.stop().await;
}

/// Two channels that need the picture's bytes, and one look at it.
#[tokio::test]
async fn the_channels_of_a_distribution_fetch_a_picture_once() {
    let simulator = simulator(&[("wide.png", png(1_800, 400))]).await;
    let blog = ChannelConfig {
        mode: Mode::Live,
        protocol: ChannelProtocol::MetaWeblog,
        base_url: Some(format!("{}/naver-blog/xmlrpc", simulator.base_url())),
        account_id: Some("shop".to_owned()),
        access_token: Some(Secret::new("password")),
        poll_interval_ms: 20,
        ..ChannelConfig::default()
    };
    let service = start(&simulator, |config| config.channels.naver_blog = blog).await;
    let mut body = request(&simulator, "evt-1");
    body["channels"] = json!(["Instagram", "NaverBlog"]);
    body["channelOptions"] = json!({
        "Instagram": {"caption": "여는 날"}, "NaverBlog": {"title": "여는 날", "content": "10% 할인"},
    });
    body["contentUrls"]["imageUrl"] = json!(format!("{}/media/wide.png", simulator.base_url()));
    let answer = service.distribute(&body).await.success(200);
    assert_eq!(answer["status"], "COMPLETED", "{answer}");
    let url = format!("{}/_simulator/requests", simulator.base_url());
    let seen: Value = serde_json::from_slice(&ask_elsewhere("GET", &url, b"").await.body).unwrap();
    let seen = seen["requests"].as_array().unwrap();
    assert_eq!(seen.iter().filter(|request| request["channel"] == "media").count(), 1);
    service.stop().await;
}

#[tokio::test]
async fn nothing_but_fitted_pictures_is_at_their_addresses() {
    let simulator = simulator(&[("wide.png", png(1_800, 400))]).await;
    let service = start(&simulator, |_| {}).await;
    announce(&simulator, &service, "evt-1", "wide.png").await;
    let name = published(&simulator).rsplit_once('/').unwrap().1.to_owned();
    for path in [
        "/media/x".to_owned(),
        format!("/media/{}", "a".repeat(64)),
        format!("/media/{}", name.to_uppercase()),
        "/media/..%2Ffanfare.db".to_owned(),
        format!("/media/%2E%2E%2Fmedia%2F{name}"),
        format!("/media/{name}%00"),
    ] {
        service.get(&path).await.problem(404, "path_not_found");
    }
    service.stop().await;
}

/// Silence of so many seconds.
pub(crate) fn wav(seconds: u32) -> Vec<u8> {
    let length = seconds * 8_000;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.resize(bytes.len() + length as usize, 0x80);
    bytes
}

#[tokio::test]
async fn a_sound_is_listened_to_before_a_line_is_given_it() {
    let files = [
        ("short.wav", wav(59)),
        ("long.wav", wav(61)),
        ("none.mp3", b"<html>".to_vec()),
    ];
    let simulator = simulator(&files).await;
    let line = ChannelConfig {
        mode: Mode::Live,
        base_url: Some(format!("{}/ringo-biz", simulator.base_url())),
        access_token: Some(Secret::new("token")),
        verified_numbers: [("default".to_owned(), vec!["02-555-0134".to_owned()])].into(),
        ..ChannelConfig::default()
    };
    let service = start(&simulator, |config| config.channels.ringo_biz = line).await;
    let announce = async |file: &str| {
        let body = json!({
            "eventId": file, "channels": ["RingoBiz"],
            "contentUrls": {"audioUrl": format!("{}/media/{file}", simulator.base_url())},
            "channelOptions": {"RingoBiz": {"phoneNumber": "02-555-0134"}},
        });
        let answer = service.distribute(&body).await.success(200);
        let told = result(&answer, "RingoBiz");
        let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
        if text("status") == "SUCCESS" {
            let sent = simulator.effects().last().unwrap().content["sha256"].clone();
            let log = kept(&service, answer["distributionId"].as_str().unwrap());
            assert!(log.contains(sent.as_str().unwrap()), "{log}");
        }
        (text("status"), text("code"), text("message"))
    };
    assert_eq!(announce("short.wav").await.0, "SUCCESS");
    assert_eq!(simulator.effects()[0].content["sha256"], hex(&wav(59)));
    for (file, words) in [
        ("long.wav", "lasts 61 seconds"),
        ("none.mp3", "no WAV or MP3"),
        ("a.mp3", ""),
    ] {
        let (status, code, message) = announce(file).await;
        let expected = if words.is_empty() {
            ("SUCCESS", "")
        } else {
            ("FAILED", "media_rejected")
        };
        assert_eq!((&*status, &*code), expected, "{file}: {message}");
        assert!(message.contains(words), "{file}: {message}");
    }
    assert_eq!(simulator.effects().len(), 2);
    service.stop().await;
}

/// Instagram showed the picture that was approved; the blog comes later.
#[tokio::test]
async fn a_picture_that_has_changed_since_another_channel_showed_it_is_refused_or_sent_as_is_configured() {
    for (on_change, status, code) in [
        (OnChange::Refuse, "FAILED", "media_changed"),
        (OnChange::Send, "SUCCESS", ""),
    ] {
        let simulator = simulator(&[("a.png", png(400, 400))]).await;
        let blog = ChannelConfig {
            mode: Mode::Live,
            protocol: ChannelProtocol::MetaWeblog,
            base_url: Some(format!("{}/naver-blog/xmlrpc", simulator.base_url())),
            account_id: Some("shop".to_owned()),
            access_token: Some(Secret::new("password")),
            poll_interval_ms: 20,
            ..ChannelConfig::default()
        };
        let change = |config: &mut Config| {
            config.channels.naver_blog = blog.clone();
            config.media.on_change = on_change;
        };
        let service = start(&simulator, change).await;
        let refused = json!({"kind": "answer", "status": 403});
        goes_wrong(&simulator, &once("naver-blog", "media", &refused)).await;
        let mut body = request(&simulator, "evt-1");
        body["channels"] = json!(["Instagram", "NaverBlog"]);
        body["channelOptions"] = json!({
            "Instagram": {"caption": "여는 날"}, "NaverBlog": {"title": "여는 날", "content": "10% 할인"},
        });
        body["contentUrls"]["imageUrl"] = json!(format!("{}/media/a.png", simulator.base_url()));
        let first = service.distribute(&body).await.success(200);
        assert_eq!(result(&first, "Instagram")["status"], "SUCCESS", "{first}");
        assert_eq!(result(&first, "NaverBlog")["status"], "FAILED", "{first}");
        simulator.put_media("a.png", png(500, 500));
        // What was fetched is kept for a minute; not over a restart.
        let further = live(simulator.base_url());
        let service = service
            .restart_as(|config| {
                further(config);
                config.calls.deadline_ms = 5_000;
                change(config);
            })
            .await;
        let path = format!("/api/distributions/{}/retry", first["distributionId"].as_str().unwrap());
        let second = service.post(&path, &json!({})).await.success(200);
        let told = result(&second, "NaverBlog");
        assert_eq!(
            (&told["status"], told["code"].as_str().unwrap_or_default()),
            (&json!(status), code),
            "{second}"
        );
        if on_change == OnChange::Refuse {
            assert_eq!(told["whoActs"], "caller", "{told}");
            // The approved one is put back, and nobody has to wait for that to be seen.
            simulator.put_media("a.png", png(400, 400));
            let third = service.post(&path, &json!({})).await.success(200);
            assert_eq!(third["status"], "COMPLETED", "{third}");
        }
        service.stop().await;
    }
}
