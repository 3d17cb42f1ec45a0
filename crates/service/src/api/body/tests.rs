//! The strict reader and the checks before it, without a server.

use axum::http::HeaderValue;
use serde_json::json;

use super::*;

fn refusal(body: &[u8]) -> String {
    read(body).unwrap_err().en
}

#[test]
fn good_json_is_read_as_serde_json_reads_it() {
    for text in [
        "{}",
        " [1, -2, 3.5, 1e3, true, false, null] \n",
        r#"{"eventId": "evt", "channels": ["Instagram"], "nested": {"a": {"a": "\u00e9\n"}}}"#,
        r#""한글""#,
        "18446744073709551615",
    ] {
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
    }
    assert_eq!(
        read(br#"{"a":{"b":1},"c":{"b":1}}"#).unwrap(),
        json!({"a":{"b":1},"c":{"b":1}})
    );
}

#[test]
fn bad_json_is_refused_with_its_place_and_a_remedy() {
    let deep = "[".repeat(128) + &"]".repeat(128);
    for (body, words) in [
        (&b""[..], &["empty"][..]),
        (b" \n\t", &["empty"]),
        (br#"{"eventId": "a"#, &["Line 1", "ends too early"]),
        (
            b"{\"a\": 1}\n x",
            &["Line 2, column 2", "trailing characters", "one JSON value"],
        ),
        (b"{\"a\": NaN}", &["Line 1, column 7", "expected value"]),
        (b"{\"a\": Infinity}", &["expected value"]),
        (b"{'a': 1}", &["Line 1, column 2", "key must be a string"]),
        (b"{\"a\": 1,}", &["trailing comma"]),
        (deep.as_bytes(), &["nested too deeply"]),
        (
            b"{\"a\": 1,\n \"a\": 2}",
            &["Line 2", "\"a\" stands twice", "Name each key once"],
        ),
        (br#"[{"x": {"k": 1, "\u006b": 2}}]"#, &["\"k\" stands twice"]),
        (b"{\"a\":\n\"\xff\"}", &["Line 2, column 2", "UTF-8"]),
        (br#"{"a": "\ud800"}"#, &["Line 1", "RFC 8259"]),
        (b"{\"a\": \"\n\"}", &["control character"]),
        (b"{\"a\": 01}", &["invalid number"]),
        (b"{\"a\": 1e999}", &["number out of range"]),
    ] {
        let refusal = refusal(body);
        for word in words {
            assert!(refusal.contains(word), "{word:?} is missing in {refusal:?}");
        }
    }
    assert!(read(("[".repeat(127) + &"]".repeat(127)).as_bytes()).is_ok());
}

#[test]
fn the_korean_refusal_has_no_english_words() {
    let deep = "[".repeat(128) + &"]".repeat(128);
    for (body, words) in [
        (
            &b"{\"\xea\xb0\x80\": 1, \"\xea\xb0\x80\": 2}"[..],
            "키가 중복되었습니다(\"가\")",
        ),
        (br#"{"a"#, "도중에 끝났습니다"),
        (b"{} x", "다른 글자"),
        (b"{\"a\": 1,}", "쉼표를 빼"),
        (b"{'a': 1}", "큰따옴표"),
        (b"{\"a\": \"\n\"}", "제어 문자"),
        (b"{\"a\": 01}", "숫자 형식"),
        (b"{\"a\": 1e999}", "너무 큽니다"),
        (b"{\"a\": NaN}", "형식이 올바르지 않습니다"),
        (b"{\"a\" 1}", "형식이 올바르지 않습니다"),
        (deep.as_bytes(), "중첩"),
    ] {
        let ko = read(body).unwrap_err().ko;
        assert!(ko.contains(words), "{words:?} is missing in {ko:?}");
        let english = ko.replace("JSON", "").replace("RFC 8259", "").replace("\\n", "");
        assert!(!english.contains(|c: char| c.is_ascii_alphabetic()), "{ko:?}");
    }
}

#[test]
fn every_way_of_cutting_a_body_short_is_refused() {
    let body = br#"{"eventId":"evt-1","channels":["Instagram",{"a":[1,2.5,null,true]}]}"#;
    for end in 0..body.len() {
        assert!(read(&body[..end]).is_err(), "{end}");
    }
}

#[test]
fn only_json_in_utf8_is_a_supported_type() {
    for supported in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json ; profile=x",
    ] {
        assert!(is_json(supported), "{supported}");
    }
    for other in [
        "",
        "text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=euc-kr",
        "application/x-www-form-urlencoded",
    ] {
        assert!(!is_json(other), "{other}");
    }
}

#[test]
fn encodings_and_doubled_types_are_refused() {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    assert!(check_type(&headers).is_ok());
    headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert!(matches!(check_type(&headers), Err(ApiError::UnsupportedEncoding)));
    headers.remove(CONTENT_ENCODING);
    headers.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    assert!(matches!(check_type(&headers), Err(ApiError::UnsupportedMediaType)));
}

#[tokio::test]
async fn a_body_is_gathered_up_to_its_limit() {
    let body = |bytes: &'static [u8]| Body::from(bytes);
    assert_eq!(&*gather(body(b"12345"), 5).await.unwrap(), b"12345");
    let over = gather(body(b"123456"), 5).await;
    assert!(matches!(over, Err(ApiError::BodyTooLarge { limit: 5 })));
}
