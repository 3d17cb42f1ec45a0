//! What NHN Cloud takes of a brand message with a picture, and what it does not.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::offset;
use serde_json::Value;

use crate::exchange::Incoming;

/// UTF-16 units of a text, and its line breaks.
const CONTENT_MOST: usize = 1_300;
const NEWLINES_MOST: usize = 99;
const BUTTONS_MOST: usize = 5;
const BUTTON_NAME_MOST: usize = 14;
const GROUPING_KEY_MOST: usize = 100;
const RECIPIENTS_MOST: usize = 1_000;
const IMAGE_MOST: usize = 5 * 1024 * 1024;
const IMAGE_WIDTH_LEAST: u32 = 500;

/// A code, and what is wrong.
pub(super) type Refusal = (i64, &'static str);

/// No sends from 20:50 to 08:00 in Korea.
pub(super) fn is_night(now: Timestamp) -> bool {
    let local = offset(9).to_datetime(now).time();
    local >= time(20, 50, 0, 0) || local < time(8, 0, 0, 0)
}

/// What is wrong with a message, all its recipients aside.
pub(super) fn check(body: &Value, is_uploaded: impl Fn(&str) -> bool) -> Result<(), Refusal> {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    if text("senderKey").is_empty() || text("senderKey").contains("wrong") {
        return Err((-1_006, "invalid sender key"));
    }
    if text("chatBubbleType") != "IMAGE" {
        return Err((-2_001, "only the bubble type IMAGE is simulated"));
    }
    let content = text("content");
    let units = content.encode_utf16().count();
    if units == 0 || units > CONTENT_MOST || content.matches('\n').count() > NEWLINES_MOST {
        return Err((3_014, "content has a wrong length"));
    }
    if !body["image"]["imageUrl"].as_str().is_some_and(is_uploaded) {
        return Err((3_024, "the picture was never uploaded"));
    }
    if text("senderGroupingKey").len() > GROUPING_KEY_MOST {
        return Err((-2_000, "senderGroupingKey is too long"));
    }
    let opt_out: String = text("unsubscribeNo").chars().filter(|c| *c != '-').collect();
    let free = opt_out.starts_with("080") && (10..=11).contains(&opt_out.len());
    if !opt_out.is_empty() && !free {
        return Err((-2_004, "unsubscribeNo is no 080 number"));
    }
    let buttons = body["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
    if buttons.len() > BUTTONS_MOST || !buttons.iter().all(is_button) {
        return Err((-2_002, "a button is wrong, or there are too many"));
    }
    let recipients = body["recipientList"].as_array().map_or(0, Vec::len);
    if !(1..=RECIPIENTS_MOST).contains(&recipients) {
        return Err((-2_003, "recipientList must have 1 to 1000 entries"));
    }
    Ok(())
}

fn is_button(button: &Value) -> bool {
    let name = button["name"].as_str().unwrap_or_default().encode_utf16().count();
    let link = button["linkMo"].as_str().unwrap_or_default();
    (1..=BUTTON_NAME_MOST).contains(&name) && button["type"] == "WL" && link.starts_with("http")
}

/// What is said of a recipient at once. Numbers that end with `0000` are no
/// friends of the channel.
pub(super) fn recipient(recipient: &Value) -> Result<(), Refusal> {
    let number = recipient["recipientNo"].as_str().unwrap_or_default();
    if recipient["targeting"] != "I" {
        return Err((1_022, "targeting is not allowed for this channel"));
    }
    if !(number.starts_with("010") && number.len() == 11 && number.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err((3_008, "no mobile number"));
    }
    if number.ends_with("0000") {
        return Err((3_018, "no friend of the channel"));
    }
    Ok(())
}

/// What becomes of a message: numbers that end with `0001` are not reached, those
/// that end with `0005` may be.
pub(super) fn fate(number: &str) -> (&'static str, &'static str) {
    match number {
        number if number.ends_with("0001") => ("FAILED", "3019"),
        number if number.ends_with("0005") => ("FAILED", "3005"),
        _ => ("COMPLETED", "MRC01"),
    }
}

/// The picture of a form, if it is one that is taken.
pub(super) fn picture(incoming: &Incoming) -> Result<&'static str, Refusal> {
    let kind = incoming.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=");
    let boundary = boundary.ok_or((-2_000, "the body is no form"))?.trim_matches('"');
    let part = |name: &str| part(&incoming.body, boundary, name);
    if !matches!(part("imageType").as_deref(), Some(b"IMAGE")) {
        return Err((-2_000, "imageType is missing, or not simulated"));
    }
    let image = part("image").ok_or((-2_000, "image is missing"))?;
    if image.len() > IMAGE_MOST {
        return Err((3_024, "the picture has more than 5 MB"));
    }
    let (extension, size) = match &image[..] {
        [0xff, 0xd8, 0xff, ..] => ("jpg", jpeg_size(&image)),
        [0x89, b'P', b'N', b'G', ..] => ("png", png_size(&image)),
        _ => return Err((3_024, "only jpg and png are taken")),
    };
    // The files that stand for any have no size.
    let Some((width, height)) = size else {
        return Ok(extension);
    };
    // 0.5 ≤ height / width ≤ 1.333
    let shape = height * 2 >= width && height * 1_000 <= width * 1_333;
    if width < IMAGE_WIDTH_LEAST || !shape {
        return Err((3_024, "the picture is too small, or has a wrong shape"));
    }
    Ok(extension)
}

/// The content of one part of a form.
fn part(body: &[u8], boundary: &str, name: &str) -> Option<Bytes> {
    let open = format!("--{boundary}\r\n");
    let close = format!("\r\n--{boundary}");
    let mut rest = body;
    while let Some(at) = find(rest, open.as_bytes()) {
        rest = &rest[at + open.len()..];
        let head = find(rest, b"\r\n\r\n")?;
        let named = String::from_utf8_lossy(&rest[..head]).contains(&format!("name=\"{name}\""));
        let content = &rest[head + 4..];
        let end = find(content, close.as_bytes())?;
        if named {
            return Some(Bytes::copy_from_slice(&content[..end]));
        }
        rest = &content[end + 2..];
    }
    None
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn png_size(image: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_be_bytes(image.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

/// Of the first frame.
fn jpeg_size(image: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = image.get(at..at + 4)? else {
            return None;
        };
        if matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) {
            let &[h1, h0, w1, w0] = image.get(at + 5..at + 9)? else {
                return None;
            };
            return Some((u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into()));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}
