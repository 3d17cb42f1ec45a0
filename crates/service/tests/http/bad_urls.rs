//! URLs that must never be fetched are refused at acceptance.

use serde_json::json;

use crate::support::Service;
use crate::{bare, with};

const REFUSED: [&str; 49] = [
    "http://127.0.0.1/a.jpg",
    "http://127.1/a.jpg",
    "http://2130706433/a.jpg",
    "http://0x7f000001/a.jpg",
    "http://0x7f.0.0.1/a.jpg",
    "http://0177.0.0.1/a.jpg",
    "http://017700000001/a.jpg",
    "http://0/a.jpg",
    "http://0.0.0.0/a.jpg",
    "http://10.0.0.1/a.jpg",
    "http://172.16.0.1/a.jpg",
    "http://192.168.1.1/a.jpg",
    "http://100.64.0.1/a.jpg",
    "http://169.254.169.254/latest/meta-data/a.jpg",
    "http://[::1]/a.jpg",
    "http://[::]/a.jpg",
    "http://[::ffff:127.0.0.1]/a.jpg",
    "http://[::ffff:a9fe:a9fe]/a.jpg",
    "http://[::127.0.0.1]/a.jpg",
    "http://[64:ff9b::7f00:1]/a.jpg",
    "http://[2002:7f00:1::]/a.jpg",
    "http://[fe80::1]/a.jpg",
    "http://[fc00::1]/a.jpg",
    "http://[fd00:ec2::254]/a.jpg",
    "http://localhost/a.jpg",
    "http://LOCALHOST/a.jpg",
    "http://localhost./a.jpg",
    "http://a.localhost/a.jpg",
    "http://168.63.129.16/a.jpg",
    "http://metadata.google.internal/a.jpg",
    "http://m..example.com/a.jpg",
    "http://example.com../a.jpg",
    "http://１２７.0.0.1/a.jpg",
    "https://user@cdn.example.com/a.jpg",
    "https://user:pass@cdn.example.com/a.jpg",
    "ftp://cdn.example.com/a.jpg",
    "file:///etc/passwd",
    "data:image/jpeg;base64,AAAA",
    "javascript:alert(1)",
    "gopher://cdn.example.com/a.jpg",
    "https://cdn.example.com:22/a.jpg",
    "https://cdn.example.com:8080/a.jpg",
    "https:\\\\cdn.example.com\\a.jpg",
    "https://cdn.example.com\\@127.0.0.1/a.jpg",
    "https://cdn.exa\nmple.com/a.jpg",
    "https://cdn.example.com/a\t.jpg",
    " https://cdn.example.com/a.jpg",
    "//cdn.example.com/a.jpg",
    "cdn.example.com/a.jpg",
];

#[tokio::test]
async fn every_spelling_of_a_forbidden_place_is_refused() {
    let service = Service::start().await;
    for url in REFUSED {
        let body = with(bare("evt-1", &["Instagram"]), "contentUrls", json!({"imageUrl": url}));
        let faults = service.distribute(&body).await.faults();
        let expected = ("/contentUrls/imageUrl".to_owned(), "url_not_allowed".to_owned());
        assert!(faults.contains(&expected), "{url:?}: {faults:?}");
    }
    service.stop().await;
}

#[tokio::test]
async fn links_and_buttons_are_checked_alike() {
    let service = Service::start().await;
    let link = with(
        bare("evt-1", &["Instagram"]),
        "content",
        json!({"link": "http://127.0.0.1/"}),
    );
    let faults = service.distribute(&link).await.faults();
    assert_eq!(faults, [("/content/link".to_owned(), "url_not_allowed".to_owned())]);
    let button = json!({"KakaoChannel": {"buttons": [{"name": "더 보기", "url": "javascript:alert(1)"}]}});
    let button = with(bare("evt-1", &["KakaoChannel"]), "channelOptions", button);
    let faults = service.distribute(&button).await.faults();
    let place = "/channelOptions/KakaoChannel/buttons/0/url".to_owned();
    assert_eq!(faults, [(place, "url_not_allowed".to_owned())]);
    service.stop().await;
}

#[tokio::test]
async fn skip_sends_to_those_who_do_not_use_a_bad_medium() {
    let service = Service::start().await;
    let urls = json!({"imageUrl": "http://10.0.0.1/a.jpg", "audioUrl": "https://cdn.example.com/b.mp3"});
    let mut body = with(bare("evt-1", &["Instagram", "RingoBiz"]), "contentUrls", urls);
    let faults = service.distribute(&body).await.faults();
    let place = "/contentUrls/imageUrl".to_owned();
    assert_eq!(faults, [(place, "url_not_allowed".to_owned())]);
    body["onInvalid"] = json!("skip");
    service.distribute(&body).await.success(200);
    service.stop().await;
}

#[tokio::test]
async fn an_operators_own_storage_may_be_named() {
    let service = Service::start_as(|config| config.media.allow_hosts = vec!["minio:9000".to_owned()]).await;
    let urls = json!({"imageUrl": "http://minio:9000/a.jpg"});
    let body = with(bare("evt-1", &["Instagram"]), "contentUrls", urls);
    service.distribute(&body).await.success(200);
    service.stop().await;
}
