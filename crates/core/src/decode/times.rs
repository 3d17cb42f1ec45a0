//! Reads dates, times of day, and the moment when a distribution is to begin.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::found::quoted;
use super::limits;
use super::reader::{Node, Reader};
use crate::request::Daypart;
use crate::text::Text;
use crate::validate::code;

impl Reader<'_> {
    /// A day of the calendar, `YYYY-MM-DD`.
    pub(super) fn date(&mut self, node: &Node<'_>) -> Option<Date> {
        let text = self.text(node, limits::WORD)?;
        let date = has_shape(&text, "dddd-dd-dd").then(|| text.parse().ok()).flatten();
        if date.is_none() {
            let found = quoted(&text);
            let detail = Text::new(
                format!("Expected a day that exists, as YYYY-MM-DD; found {found}."),
                format!("실제로 있는 날짜를 YYYY-MM-DD 형식으로 적어 주세요. 받은 값: {found}"),
            );
            self.fault(&node.pointer, code::BAD_DATE, detail);
        }
        date
    }

    /// A time of day, `HH:MM-HH:MM`.
    pub(super) fn daypart(&mut self, node: &Node<'_>) -> Option<Daypart> {
        let text = self.text(node, limits::WORD)?;
        let daypart = Daypart::parse(&text);
        if daypart.is_none() {
            let found = quoted(&text);
            let detail = Text::new(
                format!(
                    "Expected a time of day such as \"18:00-22:00\" that ends after it starts \
                     (by \"24:00\" at the latest); found {found}. Write one over midnight as two."
                ),
                format!(
                    "시간대는 \"18:00-22:00\"처럼 시작보다 늦게 끝나도록 적어 주세요(늦어도 \"24:00\"). \
                     자정을 넘기면 둘로 나누어 적어 주세요. 받은 값: {found}"
                ),
            );
            self.fault(&node.pointer, code::BAD_DAYPART, detail);
        }
        daypart
    }

    /// When to begin: RFC 3339 with an offset, not past, not absurdly far ahead.
    pub(super) fn scheduled_at(&mut self, node: &Node<'_>) -> Option<Timestamp> {
        let text = self.text(node, limits::WORD)?;
        let read = timestamp(&text).and_then(|at| in_reach(at, self.now));
        match read {
            Ok(at) => Some(at),
            Err((code, detail)) => {
                let found = quoted(&text);
                let detail = Text::new(
                    format!("{} Found {found}.", detail.en),
                    format!("{} 받은 값: {found}", detail.ko),
                );
                self.fault(&node.pointer, code, detail);
                None
            }
        }
    }
}

type TimeFault = (&'static str, Text);

pub(super) fn timestamp(text: &str) -> Result<Timestamp, TimeFault> {
    let (local, offset) = at_offset(text);
    if let (true, Ok(at)) = (is_plain(local) && is_offset(offset), text.parse::<Timestamp>()) {
        return Ok(at);
    }
    if offset.is_empty() && !text.contains('[') && text.parse::<DateTime>().is_ok() {
        return Err((
            code::OFFSET_MISSING,
            Text::new(
                "The time does not say in which time zone; add the offset, \
                 such as \"2026-12-01T09:00:00+09:00\".",
                "시간대 정보가 없습니다. \"2026-12-01T09:00:00+09:00\"처럼 오프셋을 붙여 주세요.",
            ),
        ));
    }
    Err((
        code::BAD_TIME,
        Text::new(
            "Expected a time that exists, as RFC 3339 writes it, \
             such as \"2026-12-01T09:00:00+09:00\".",
            "실제로 있는 시각을 \"2026-12-01T09:00:00+09:00\"처럼 RFC 3339 형식으로 적어 주세요.",
        ),
    ))
}

/// A text before and from its offset, which is empty where there is none.
fn at_offset(text: &str) -> (&str, &str) {
    // The first ten bytes are the day, whose hyphens are no signs.
    let time = text.get(10..).unwrap_or_default();
    let start = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    text.split_at(text.len() - time.len() + start)
}

/// Whether a day and a time of day are as RFC 3339 writes them; jiff reads more,
/// such as a space for the T. The seconds may be left out, as Java does.
fn is_plain(local: &str) -> bool {
    let (whole, fraction) = local.split_once('.').unwrap_or((local, "0"));
    let seconds = has_shape(whole, "dddd-dd-ddTdd:dd:dd") && fraction.bytes().all(|byte| byte.is_ascii_digit());
    seconds || has_shape(local, "dddd-dd-ddTdd:dd")
}

/// Whether an offset is one that clocks have: at most 18 hours, as in Java; jiff
/// reads up to 25, and a zone in brackets after it.
fn is_offset(offset: &str) -> bool {
    let Some(digits) = offset.strip_prefix(['+', '-']) else {
        return offset.eq_ignore_ascii_case("z");
    };
    let (hours, rest) = digits.split_at_checked(2).unwrap_or_default();
    let exact = rest.bytes().all(|byte| matches!(byte, b'0' | b':'));
    let plain = rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    hours
        .parse::<u8>()
        .is_ok_and(|hours| hours < 18 || hours == 18 && exact)
        && plain
}

fn in_reach(at: Timestamp, now: Timestamp) -> Result<Timestamp, TimeFault> {
    let ahead = at.duration_since(now);
    if ahead < -SignedDuration::from_secs(limits::SCHEDULED_BEHIND_SECONDS) {
        return Err((
            code::IN_THE_PAST,
            Text::new(
                "The time is past; give a later one, or leave the field out to begin at once.",
                "이미 지난 시각입니다. 이후 시각을 적거나, 바로 시작하려면 항목을 빼 주세요.",
            ),
        ));
    }
    if ahead > SignedDuration::from_hours(24 * limits::SCHEDULED_AHEAD_DAYS) {
        let days = limits::SCHEDULED_AHEAD_DAYS;
        return Err((
            code::TOO_FAR_AHEAD,
            Text::new(
                format!("The time is more than {days} days ahead; give an earlier one."),
                format!("{days}일보다 먼 미래입니다. 더 이른 시각을 적어 주세요."),
            ),
        ));
    }
    Ok(at)
}

/// Whether `text` has the characters of `shape`, where `d` stands for any digit.
fn has_shape(text: &str, shape: &str) -> bool {
    let matches = |(found, wanted): (u8, u8)| match wanted {
        b'd' => found.is_ascii_digit(),
        _ => found.eq_ignore_ascii_case(&wanted),
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(matches)
}
