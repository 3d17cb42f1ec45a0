//! A request's body: JSON, or a page's form, whole, in time, within its size, and read strictly.
//!
//! What is refused here is refused before anything of it is understood: the
//! media type, the size (unread where the length is declared), the pace, and
//! JSON that two readers could understand differently, such as a key that
//! stands twice. What the JSON says is core's business.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use fanfare_core::text::Text;
use http_body_util::BodyExt;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::ApiError;
use super::state::Api;

/// A strictly read JSON body.
pub(super) struct JsonBody(pub(super) Value);

impl FromRequest<Arc<Api>> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<Api>) -> Result<Self, ApiError> {
        check_type(request.headers())?;
        let bytes = whole(request, state, state.limits.body_bytes).await?;
        read(&bytes).map(Self).map_err(ApiError::MalformedJson)
    }
}

/// Largest form that a page of ours sends.
const FORM_MAX: usize = 16 * 1024;

/// The fields of a page's form, in their order.
pub(super) struct FormBody(pub(super) Vec<(String, String)>);

impl FromRequest<Arc<Api>> for FormBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<Api>) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok());
        if kind.is_none_or(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let bytes = whole(request, state, FORM_MAX).await?;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let single = types.next().filter(|_| types.next().is_none());
    let json = single.and_then(|value| value.to_str().ok()).is_some_and(is_json);
    if !json {
        return Err(ApiError::UnsupportedMediaType);
    }
    let identity = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        return Err(ApiError::UnsupportedEncoding);
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset")
            || value.eq_ignore_ascii_case("utf-8")
            || value.eq_ignore_ascii_case("utf8")
    };
    media_type.trim().eq_ignore_ascii_case("application/json") && parameters.split(';').all(utf8)
}

/// All of the body, in time and within its size.
async fn whole(request: Request, state: &Api, most: usize) -> Result<Bytes, ApiError> {
    check_length(request.headers(), most)?;
    let limit = state.limits.body_timeout;
    let gathered = tokio::time::timeout(limit, gather(request.into_body(), most));
    gathered.await.map_err(|_elapsed| ApiError::BodyTooSlow { limit })?
}

/// Refuses a declared length unread. Hyper has made sure that it is a number.
fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > limit as u64 => Err(ApiError::BodyTooLarge { limit }),
        _ => Ok(()),
    }
}

/// Reads the body; one that comes in a single piece is not copied.
async fn gather(mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(ApiError::BodyIncomplete)?;
        // Trailers say nothing that is needed here.
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + gathered.len() + data.len() > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        if first.is_empty() && gathered.is_empty() {
            first = data;
        } else {
            gathered.extend_from_slice(&std::mem::take(&mut first));
            gathered.extend_from_slice(&data);
        }
    }
    Ok(if gathered.is_empty() { first } else { gathered.freeze() })
}

/// Reads one JSON value; the error says what is wrong, where, and what to do.
fn read(bytes: &[u8]) -> Result<Value, Text> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    if text.trim_ascii().is_empty() {
        return Err(Text::new(
            "The body is empty. Send a JSON object.",
            "본문이 비어 있습니다. JSON 객체를 보내 주세요.",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Strict
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| explain(&error))
}

fn not_utf8(bytes: &[u8], at: usize) -> Text {
    let before = &bytes[..at];
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len) + 1;
    Text::new(
        format!("Line {line}, column {column}: this byte is not UTF-8. Encode the body as UTF-8."),
        format!("{line}행 {column}열: UTF-8이 아닌 바이트입니다. 본문을 UTF-8로 인코딩해 주세요."),
    )
}

fn explain(error: &serde_json::Error) -> Text {
    let (line, column) = (error.line(), error.column());
    let words = error.to_string();
    // The place is said in front.
    let words = words.rfind(" at line ").map_or(&*words, |end| &words[..end]);
    let (en, ko) = (remedy(error.classify(), words), korean(error.classify(), words));
    Text::new(
        format!("Line {line}, column {column}: {en}"),
        format!("{line}행 {column}열: {ko}"),
    )
}

/// What is wrong, and what to do; `words` are `serde_json`'s.
fn remedy(category: Category, words: &str) -> String {
    match category {
        Category::Data => format!("{words}. Name each key once."),
        Category::Eof => "the JSON ends too early. Send it whole.".to_owned(),
        Category::Syntax if words.starts_with("recursion") => {
            "the JSON is nested too deeply. The request needs no more than a few levels.".to_owned()
        }
        Category::Syntax if words.starts_with("trailing") => {
            format!("{words}. Send one JSON value, with nothing after it and no comma before a closing bracket.")
        }
        Category::Syntax | Category::Io => format!("{words}. Write JSON as RFC 8259 defines it."),
    }
}

/// The same in Korean, with none of the English words.
fn korean(category: Category, words: &str) -> String {
    if let Some(key) = words
        .strip_prefix(DOUBLED.0)
        .and_then(|rest| rest.strip_suffix(DOUBLED.1))
    {
        return format!("키가 중복되었습니다({key}). 같은 키를 한 번만 써 주세요.");
    }
    if category == Category::Eof {
        return "JSON이 도중에 끝났습니다. 전체를 보내 주세요.".to_owned();
    }
    let known = KOREAN.iter().find(|(start, _)| words.starts_with(start));
    let sentence = known.map_or(
        "JSON 형식이 올바르지 않습니다. RFC 8259에 맞게 고쳐 주세요.",
        |(_, ko)| ko,
    );
    sentence.to_owned()
}

/// What stands before and after a key that stands twice.
const DOUBLED: (&str, &str) = ("the key ", " stands twice");

/// What to say where `serde_json`'s words begin so.
const KOREAN: [(&str, &str); 7] = [
    ("recursion", "JSON이 너무 깊게 중첩되었습니다. 몇 단계면 충분합니다."),
    ("trailing comma", "닫는 괄호 앞에 쉼표가 있습니다. 쉼표를 빼 주세요."),
    (
        "trailing",
        "JSON 값 뒤에 다른 글자가 있습니다. JSON 값 하나만 보내 주세요.",
    ),
    ("key must be a string", "키는 큰따옴표로 묶어 주세요."),
    (
        "control character",
        "문자열 안에 줄바꿈 같은 제어 문자가 있습니다. \\n처럼 이스케이프해 주세요.",
    ),
    (
        "invalid number",
        "숫자 형식이 올바르지 않습니다. JSON의 숫자로 고쳐 주세요.",
    ),
    (
        "number out of range",
        "숫자가 너무 큽니다. 범위 안의 숫자로 고쳐 주세요.",
    ),
];

/// Characters of a doubled key that are shown.
const KEY_SHOWN: usize = 60;

/// Builds a [`Value`] as `serde_json` does, but refuses a key that stands twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(KEY_SHOWN).collect();
                let (before, after) = DOUBLED;
                return Err(A::Error::custom(format_args!("{before}{shown:?}{after}")));
            }
            object.insert(key, entries.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
