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
const WORDS: [&str; 16] = [
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
            let body = match rng.random_range(0..4) {
                0 => Value::String(text(&mut rng)),
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
