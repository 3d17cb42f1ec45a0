//! To whom a bad medium is laid, and what is skipped then.

use serde_json::{Value, json};

use super::{admitted, found, full, names, now, settings};
use crate::channel::{Channel, Mode};
use crate::validate::{admit, code};

const BAD: &str = "http://10.0.0.1/a";

fn request(channels: &[&str], urls: Value) -> Value {
    let mut body = full();
    body["onInvalid"] = json!("skip");
    body["channels"] = json!(channels);
    body["contentUrls"] = urls;
    body
}

/// The channels to which a fault is laid in both modes, of all six.
fn laid_to(urls: &Value) -> Vec<Option<Channel>> {
    let laid = |mode| -> Vec<Option<Channel>> {
        let found = found(&request(&names(), urls.clone()), mode);
        let bad = found.into_iter().filter(|(_, code, _)| *code == code::URL_NOT_ALLOWED);
        bad.map(|(_, _, channel)| channel).collect()
    };
    assert_eq!(laid(Mode::Mock), laid(Mode::Live));
    laid(Mode::Live)
}

#[test]
fn a_bad_medium_is_laid_to_those_who_use_it() {
    use Channel::{GenieTV, Instagram, KakaoChannel, NaverBlog, RingoBiz, WooridongneTV};
    let (image, audio, video) = ("https://a.kr/a.jpg", "https://a.kr/a.mp3", "https://a.kr/a.mp4");
    let bad = |extension: &str| format!("{BAD}.{extension}");
    for (urls, expected) in [
        (
            json!({"imageUrl": BAD, "audioUrl": audio, "videoUrl": video}),
            &[Instagram, NaverBlog, KakaoChannel][..],
        ),
        (json!([bad("jpg"), audio, video]), &[Instagram, NaverBlog, KakaoChannel]),
        (
            json!({"imageUrl": BAD, "audioUrl": audio}),
            &[GenieTV, Instagram, NaverBlog, KakaoChannel],
        ),
        (
            json!({"imageUrl": BAD}),
            &[WooridongneTV, GenieTV, Instagram, NaverBlog, KakaoChannel],
        ),
        (json!({"imageUrl": image, "audioUrl": BAD}), &[RingoBiz]),
        (json!([image, bad("wav")]), &[RingoBiz]),
        (json!({"audioUrl": BAD}), &[WooridongneTV, RingoBiz]),
        (
            json!({"imageUrl": image, "audioUrl": audio, "videoUrl": BAD}),
            &[WooridongneTV, GenieTV],
        ),
    ] {
        let expected: Vec<_> = expected.iter().copied().map(Some).collect();
        assert_eq!(laid_to(&urls), expected, "{urls}");
    }
}

/// Whether it would have shown the one that could not be read.
#[test]
fn a_bad_medium_is_laid_to_instagram_if_it_would_be_shown_there() {
    let (image, video) = ("https://a.kr/a.jpg", "https://a.kr/a.mp4");
    let carousel = json!([image, image]);
    for (urls, options, laid) in [
        (json!({"videoUrl": BAD}), json!({}), true),
        (json!({"videoUrl": BAD}), json!({"reel": true}), true),
        (json!({"imageUrl": image, "videoUrl": BAD}), json!({"reel": true}), true),
        (json!({"imageUrl": image, "videoUrl": BAD}), json!({}), false),
        (
            json!({"imageUrl": image, "videoUrl": BAD}),
            json!({"reel": false}),
            false,
        ),
        (json!({"imageUrl": BAD, "videoUrl": video}), json!({}), true),
        (
            json!({"imageUrl": BAD, "videoUrl": video}),
            json!({"reel": true}),
            false,
        ),
        (json!({"imageUrl": BAD}), json!({"imageUrls": carousel}), false),
        (json!({"videoUrl": BAD}), json!({"imageUrls": carousel}), false),
    ] {
        let mut body = request(&["Instagram", "NaverBlog", "GenieTV"], urls.clone());
        body["channelOptions"]["Instagram"] = options.clone();
        let found = found(&body, Mode::Live);
        let of_instagram: Vec<_> = found
            .iter()
            .filter(|(_, _, channel)| *channel == Some(Channel::Instagram))
            .map(|(_, code, _)| *code)
            .collect();
        let expected = if laid { &[code::URL_NOT_ALLOWED][..] } else { &[] };
        assert_eq!(of_instagram, expected, "{urls} {options}");
    }
}

#[test]
fn skip_skips_those_who_use_a_bad_medium() {
    for (image, code) in [
        (json!(BAD), code::URL_NOT_ALLOWED),
        (json!(5), code::WRONG_TYPE),
        (json!(format!("https://a.kr/{}", "a".repeat(2_048))), code::TOO_LONG),
    ] {
        let urls = json!({"imageUrl": image, "audioUrl": "https://a.kr/a.mp3"});
        let mut body = request(&["RingoBiz", "Instagram", "KakaoChannel"], urls);
        let skipped = admitted(&body, Mode::Live).skipped;
        let channels: Vec<_> = skipped.iter().map(|(channel, _)| *channel).collect();
        assert_eq!(channels, [Channel::Instagram, Channel::KakaoChannel]);
        for (_, faults) in skipped {
            let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
            assert_eq!(found, [("/contentUrls/imageUrl", code)]);
        }
        body["onInvalid"] = json!("reject");
        let faults = admit(&body, &settings(Mode::Live), now()).unwrap_err();
        let found: Vec<_> = faults.iter().map(|fault| (fault.code, fault.channel)).collect();
        let expected = [Channel::Instagram, Channel::KakaoChannel].map(|channel| (code, Some(channel)));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_bad_medium_that_nobody_uses_concerns_the_request() {
    let urls = json!({"imageUrl": "https://a.kr/a.jpg", "audioUrl": BAD});
    let body = request(&["Instagram", "NaverBlog"], urls);
    let expected = ("/contentUrls/audioUrl".to_owned(), code::URL_NOT_ALLOWED, None);
    assert_eq!(found(&body, Mode::Live), [expected]);
    assert!(admit(&body, &settings(Mode::Live), now()).is_err());
}

#[test]
fn one_channel_s_bad_medium_does_not_hide_another_s_missing_one() {
    let body = request(&["Instagram", "RingoBiz"], json!([format!("{BAD}.jpg")]));
    let expected = [
        (
            "/contentUrls/0".to_owned(),
            code::URL_NOT_ALLOWED,
            Some(Channel::Instagram),
        ),
        ("/contentUrls".to_owned(), code::REQUIRED, Some(Channel::RingoBiz)),
    ];
    assert_eq!(found(&body, Mode::Live), expected);
}

#[test]
fn many_bad_media_make_no_large_answer() {
    let body = request(&names(), json!(vec![format!("{BAD}.jpg"); 100]));
    assert_eq!(found(&body, Mode::Mock).len(), 100);
}
