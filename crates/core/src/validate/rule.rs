//! The faults that several channels' checks have in common, each written once.
//!
//! What a channel's limits are is in `validate/<channel>.rs`.

use jiff::Timestamp;
use jiff::civil::Date;

use super::code;
use super::media::format_of;
use crate::channel::Channel;
use crate::decode::found::quoted;
use crate::fault::Fault;
use crate::korea::KOREA;
use crate::region::Region;
use crate::request::Daypart;
use crate::text::Text;

/// Collects one channel's faults.
#[derive(Debug)]
pub(super) struct Checks {
    channel: Channel,
    faults: Vec<Fault>,
}

impl Checks {
    /// Has found nothing yet.
    pub(super) fn of(channel: Channel) -> Self {
        Self {
            channel,
            faults: Vec::new(),
        }
    }

    /// What was found.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, pointer: impl Into<String>, code: &'static str, detail: Text) {
        self.faults.push(Fault::new(pointer, code, detail).of(self.channel));
    }

    /// Where an option of this channel stands.
    pub(super) fn option(&self, name: &str) -> String {
        format!("/channelOptions/{}/{name}", self.channel)
    }

    /// Something is needed that is not there; what, in both languages.
    pub(super) fn required(&mut self, pointer: impl Into<String>, needed: (&str, &str)) {
        let (name, korean) = (self.channel.name(), self.channel.korean_name());
        let detail = Text::new(
            format!("{name} needs {}.", needed.0),
            format!("{korean}에 필요한 항목입니다: {}", needed.1),
        );
        self.fault(pointer, code::REQUIRED, detail);
    }

    /// The same item a second time.
    pub(super) fn repeated(&mut self, pointer: &str, item: &str) {
        let found = quoted(item);
        let detail = Text::new(
            format!("{found} is given twice; leave one out."),
            format!("{found} 값이 중복되었습니다. 하나만 남겨 주세요."),
        );
        self.fault(pointer, code::REPEATED, detail);
    }

    /// `found` must be at most `max`; the unit in English, and in Korean as the
    /// sentence's subject and as a counter.
    pub(super) fn at_most(
        &mut self,
        pointer: &str,
        code: &'static str,
        (found, max): (usize, usize),
        unit: (&str, &str, &str),
    ) {
        if found > max {
            let (name, korean) = (self.channel.name(), self.channel.korean_name());
            let detail = Text::new(
                format!("{name} takes at most {max} {}, found {found}; leave some out.", unit.0),
                format!(
                    "{korean} {} 최대 {max}{counter}까지 가능합니다(현재 {found}{counter}). 줄여 주세요.",
                    unit.1,
                    counter = unit.2,
                ),
            );
            self.fault(pointer, code, detail);
        }
    }

    /// A budget in KRW from `min` to `max`.
    pub(super) fn budget(&mut self, budget: u64, (min, max): (u64, u64)) {
        if !(min..=max).contains(&budget) {
            let (name, korean) = (self.channel.name(), self.channel.korean_name());
            let (budget, min, max) = (grouped(budget), grouped(min), grouped(max));
            let detail = Text::new(
                format!("{name} takes a budget of KRW {min} to {max}, found {budget}."),
                format!("{korean}의 예산은 {min}원 이상 {max}원 이하여야 합니다(받은 값: {budget}원)."),
            );
            self.fault(self.option("budget"), code::OUT_OF_RANGE, detail);
        }
    }

    /// A region that is in force.
    pub(super) fn region(&mut self, pointer: &str, text: &str) {
        if let Err(error) = Region::parse(text) {
            self.fault(pointer, code::BAD_REGION, error.text(text));
        }
    }

    /// No two of the times of day may share a minute.
    pub(super) fn no_overlap(&mut self, pointer: &str, dayparts: &[Daypart]) {
        for (place, later) in dayparts.iter().enumerate() {
            let earlier = dayparts[..place].iter().find(|other| overlap(other, later));
            if let Some(earlier) = earlier {
                let detail = Text::new(
                    format!("{later} overlaps {earlier}; join the two or shorten one."),
                    format!("{later} 시간대가 {earlier} 시간대와 겹칩니다. 하나로 합치거나 줄여 주세요."),
                );
                self.fault(format!("{pointer}/{place}"), code::OVERLAPPING, detail);
            }
        }
    }

    /// A file whose URL says that it has another format than the `taken` ones.
    pub(super) fn format(&mut self, pointer: &str, url: &str, taken: &[&str]) {
        let Some(format) = format_of(url) else { return };
        if !taken.contains(&format.as_str()) {
            let (name, korean) = (self.channel.name(), self.channel.korean_name());
            let (found, taken) = (quoted(&format), taken.join(", "));
            let detail = Text::new(
                format!("{name} takes {taken} files, found one with the extension {found}."),
                format!("{korean}에는 {taken} 파일만 사용할 수 있습니다(받은 확장자: {found})."),
            );
            self.fault(pointer, code::UNSUPPORTED_FORMAT, detail);
        }
    }
}

/// Characters as the strictest counter sees them, UTF-16 units: the channels'
/// documents do not say what a character is, and their servers are written in
/// languages that count so. An emoji is two or more.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A number with a comma before every third digit from the end.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The day in Korea.
pub(crate) fn korean_date(at: Timestamp) -> Date {
    at.to_zoned(KOREA.to_time_zone()).date()
}

fn overlap(a: &Daypart, b: &Daypart) -> bool {
    let ends_after = |one: &Daypart, other: &Daypart| one.end == jiff::civil::Time::midnight() || one.end > other.start;
    ends_after(a, b) && ends_after(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (100_000_000, "100,000,000")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
