//! Answers that nobody would think of: a fuzz target for every client, with the
//! channel's own words in the wrong places. More of them than the default run
//! with `FANFARE_TEST_SEEDS=10000`.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use crate::cases::{once, under};
use crate::simulated::Subject;

/// Answers to each step.
const SEEDS: u64 = 60;

/// Names that the clients read.
const NAMES: [&str; 20] = [
    "id",
    "data",
    "error",
    "code",
    "error_subcode",
    "message",
    "status_code",
    "status",
    "items",
    "externalId",
    "distributionId",
    "deliveryId",
    "estimatedViews",
    "permalink",
    "orders",
    "bookingstatus",
    "ext",
    "impressionSchedule",
    "declineReason",
    "updateTimestamp",
];

/// Values that the clients know, and others. `PUBLISHED`, `Booked` and `Declined`
/// are left out: a channel that says so when it is not so can't be found out.
const WORDS: [&str; 19] = [
    "20261124T01:00:00",
    "COMPLETED",
    "https://a.kr/1?a=1&amp;b=2",
    "",
    "FINISHED",
    "IN_PROGRESS",
    "ERROR",
    "EXPIRED",
    "ACCEPTED",
    "Draft",
    "PendingBooking",
    "LN-00000002",
    "2026-11-24T01:00:00Z",
    "17890000000000001",
    "../../etc",
    "a b\r\nc",
    "\u{0}",
    "javascript:alert(1)",
    "🌸",
];

/// Whatever is answered, once: no panic, one effect at most, and the truth.
pub(crate) async fn is_not_led_astray_by_nonsense(subject: Subject) {
    let seeds = std::env::var("FANFARE_TEST_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SEEDS);
    for step in subject.steps {
        for seed in 0..seeds {
            let mut rng = StdRng::seed_from_u64(seed);
            let status =
                [200, 200, 200, 202, 204, 302, 400, 400, 404, 409, 418, 429, 500, 599][rng.random_range(0..14)];
            let body = match (rng.random_range(0..4), subject.name) {
                (0, _) => Value::String(text(&mut rng)),
                (1.., "naver-blog") => Value::String(xml(&mut rng)),
                (1 | 2, "kakao-channel") => nhn(&mut rng),
                _ => value(&mut rng, 0),
            };
            // What is believed of the effecting step must be so: a success has
            // happened, and a refusal that the contract lists has not.
            let is_refusal = matches!(status, 302 | 400 | 404 | 429);
            let perform = *step == subject.effecting && !is_refusal;
            let answer = json!({"kind": "answer", "status": status, "body": body, "perform": perform});
            under(subject, once(step, &answer)).await;
        }
    }
}

fn value(rng: &mut StdRng, depth: u32) -> Value {
    match rng.random_range(0..if depth > 3 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => rng.random_bool(0.5).into(),
        2 => [
            0,
            1,
            4,
            9,
            24,
            100,
            190,
            9_007,
            2_207_027,
            2_207_051,
            i64::MIN,
            i64::MAX,
        ][rng.random_range(0..12)]
        .into(),
        3 => json!(1e300),
        4 => text(rng).into(),
        5 => WORDS[rng.random_range(0..WORDS.len())].into(),
        6 => (0..rng.random_range(0..4)).map(|_| value(rng, depth + 1)).collect(),
        _ => {
            let fields = (0..rng.random_range(1..6)).map(|_| {
                let name = NAMES[rng.random_range(0..NAMES.len())];
                (name.to_owned(), value(rng, depth + 1))
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

/// The form of NHN Cloud's answers, with anything in any place. Codes that refuse
/// are left out, as a channel can't be found out that says so when it is not so.
fn nhn(rng: &mut StdRng) -> Value {
    let code =
        |rng: &mut StdRng| json!([0, 200, 3_005, 4_161, 4_131, -1_005, 9_999, 1_000_000][rng.random_range(0..8)]);
    let header = json!({"isSuccessful": rng.random_bool(0.5), "resultCode": code(rng), "resultMessage": text(rng)});
    let result = json!({"recipientNo": text(rng), "resultCode": code(rng), "resultMessage": text(rng)});
    let status = ["COMPLETED", "FAILED", "READY", ""][rng.random_range(0..4)];
    let message = json!({
        "requestId": WORDS[rng.random_range(0..WORDS.len())], "senderGroupingKey": text(rng),
        "messageStatus": status,
        "resultCode": code(rng).to_string(),
    });
    let mut answer = json!({
        "header": header,
        "image": {"imageUrl": WORDS[rng.random_range(0..WORDS.len())]},
        "message": {"requestId": WORDS[rng.random_range(0..WORDS.len())], "sendResults": [result]},
        "messageSearchResultResponse": {"messages": [message], "totalCount": rng.random_range(0..3)},
    });
    spoil(rng, &mut answer);
    answer
}

/// Takes members out here and there, or puts something else in their place.
fn spoil(rng: &mut StdRng, within: &mut Value) {
    match within {
        Value::Object(fields) => {
            fields.retain(|_, _| rng.random_ratio(9, 10));
            for field in fields.values_mut() {
                spoil(rng, field);
            }
        }
        Value::Array(items) => {
            if rng.random_ratio(1, 4) {
                items.extend(items.clone());
            }
            for item in items {
                spoil(rng, item);
            }
        }
        // What refuses may not come to be by chance.
        Value::Number(_) if rng.random_ratio(1, 8) => *within = json!(i64::MAX),
        _ if rng.random_ratio(1, 8) => *within = Value::Null,
        _ => {}
    }
}

/// Members that the blog's client reads.
const MEMBERS: [&str; 9] = [
    "url",
    "postid",
    "link",
    "permaLink",
    "wp_slug",
    "description",
    "dateCreated",
    "date_created_gmt",
    "faultString",
];

/// An answer or a fault of XML-RPC, which may break off anywhere.
fn xml(rng: &mut StdRng) -> String {
    let whole = if rng.random_bool(0.3) {
        // None that refuses.
        let code = ["0", "7", "500", "-1", "x", "99999999999999999999"][rng.random_range(0..6)];
        format!(
            "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>{code}</int></value>\
             </member>{}</struct></value></fault></methodResponse>",
            xml_member(rng, 3)
        )
    } else {
        format!(
            "<?xml version=\"1.0\"?><methodResponse><params><param>{}</param></params></methodResponse>",
            xml_value(rng, 0)
        )
    };
    let end = if rng.random_bool(0.2) {
        rng.random_range(0..whole.len())
    } else {
        whole.len()
    };
    String::from_utf8_lossy(&whole.as_bytes()[..end]).into_owned()
}

fn xml_value(rng: &mut StdRng, depth: u32) -> String {
    let word = WORDS[rng.random_range(0..WORDS.len())].replace('\0', "&#0;");
    let inner = match rng.random_range(0..if depth > 3 { 7 } else { 10 }) {
        0 => word,
        1 => format!("<string>{word}</string>"),
        2 => format!("<int>{word}</int>"),
        3 => format!("<boolean>{}</boolean>", rng.random_range(0..3)),
        4 => format!("<dateTime.iso8601>{word}</dateTime.iso8601>"),
        5 => format!("<base64>{word}</base64>"),
        6 => format!("<string>{}</string>", text(rng)),
        7 => {
            let values: String = (0..rng.random_range(0..4)).map(|_| xml_value(rng, depth + 1)).collect();
            format!("<array><data>{values}</data></array>")
        }
        _ => {
            let members: String = (0..rng.random_range(0..5))
                .map(|_| xml_member(rng, depth + 1))
                .collect();
            format!("<struct>{members}</struct>")
        }
    };
    format!("<value>{inner}</value>")
}

fn xml_member(rng: &mut StdRng, depth: u32) -> String {
    let name = MEMBERS[rng.random_range(0..MEMBERS.len())];
    format!("<member><name>{name}</name>{}</member>", xml_value(rng, depth))
}

/// Any characters, some of them JSON's.
fn text(rng: &mut StdRng) -> String {
    let length = rng.random_range(0..40);
    (0..length)
        .map(|_| match rng.random_range(0..3) {
            0 => ['{', '}', '[', ']', '"', ':', ',', '\\'][rng.random_range(0..8)],
            1 => char::from(rng.random_range(0x20..0x7f_u8)),
            _ => char::from_u32(rng.random_range(0..0xd800)).unwrap_or('x'),
        })
        .collect()
}
