//! How `scheduledAt` may be written.

use serde_json::json;

use super::{assert_found, with};
use crate::validate::code;

#[test]
fn scheduled_at_is_rfc_3339_within_reach() {
    for text in [
        "2026-11-23T09:00:00+09:00",
        "2026-11-23T00:00:00.5Z",
        "2026-11-23t00:00:00z",
        "2026-11-22T08:59:00Z",
        "2027-11-23T09:00:00Z",
        "2026-12-24T09:00+09:00",
        "2026-12-24T09:00Z",
        "2026-12-24T09:00:00.123456789-09:30",
        "2026-12-24T09:00:00+18:00",
        "2026-12-24T09:00:00-18:00",
    ] {
        assert_found(&with("scheduledAt", json!(text)), &[]);
    }
    for (text, code) in [
        ("2026-11-22T08:58:59Z", code::IN_THE_PAST),
        ("2027-11-23T09:00:01Z", code::TOO_FAR_AHEAD),
        ("2026-12-01T09:00:00", code::OFFSET_MISSING),
        ("2026-12-01 09:00:00", code::OFFSET_MISSING),
        ("2026-12-01", code::OFFSET_MISSING),
        ("2026-12-01T09:00", code::OFFSET_MISSING),
        ("2026-12-01T09:00:00.5", code::OFFSET_MISSING),
        ("2026-12-01T09:00+25:00", code::BAD_TIME),
        ("2026-12-01T09:00:00+18:01", code::BAD_TIME),
        ("2026-12-01T09:00:00-19:00", code::BAD_TIME),
        ("2026-12-01T09:00:00+09:60", code::BAD_TIME),
        ("2026-12-01T09:00:00+", code::BAD_TIME),
        ("2026-12-01T09:00:00+가", code::BAD_TIME),
        ("2026-12-01T09:60Z", code::BAD_TIME),
        ("2026-12-01T25:00+09:00", code::BAD_TIME),
        ("2026-12-01T09+09:00", code::BAD_TIME),
        ("2026-12-01T9:00+09:00", code::BAD_TIME),
        ("2026-12-01T09:00.5+09:00", code::BAD_TIME),
        ("2026-12-01T09:00:00,5Z", code::BAD_TIME),
        ("2026-12-01T25:00:00", code::BAD_TIME),
        ("2026-12-01[Asia/Seoul]", code::BAD_TIME),
        ("2026-12-01 09:00:00Z", code::BAD_TIME),
        ("2026-11-31T09:00:00Z", code::BAD_TIME),
        ("2026-12-01T25:00:00Z", code::BAD_TIME),
        ("2026-12-01T09:00:00+09:00[Asia/Seoul]", code::BAD_TIME),
        ("tomorrow", code::BAD_TIME),
        ("20261201T090000Z", code::BAD_TIME),
        ("가".repeat(20).as_str(), code::BAD_TIME),
        ("", code::BLANK),
    ] {
        assert_found(&with("scheduledAt", json!(text)), &[("/scheduledAt", code)]);
    }
}
