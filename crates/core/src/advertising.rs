//! Korea's rules for advertising that is sent to people, as pure functions.
//!
//! 정보통신망법 (the Network Act) §50: prior consent, proved; an end to it on
//! refusal; a separate consent for the night; the label `(광고)` at the very
//! start, sender and free opt-out at the end (§50(4), decree §61); consent is
//! confirmed anew every two years (§50(8), decree §62-3). Read in the statute's
//! text, except how exactly the label is written, which is reported.
//!
//! These help to follow the law; whether a sender complies only a lawyer can say.
//! What channels add of their own stands beside it, named so. Deliberately
//! absent: the notice of a processed refusal within 14 days. The frequency cap is no
//! law, but what a sender promises: its own, and kept whatever a request says.

use jiff::civil::{DateTime, Time, time};
use jiff::tz::{Offset, offset};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// What stands at the very start; other spellings of it are a disguise.
pub const LABEL: &str = "(광고)";

/// A consent counts for so long, or from when it was confirmed again.
const CONSENT_YEARS: i16 = 2;

/// Korea has had one offset and no summer time since 1988.
const SEOUL: Offset = offset(9);

/// Hours of the day, in Korea, in which nothing may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Night {
    /// From this time on, itself included.
    begins: Time,
    /// Until this time, itself not included.
    ends: Time,
}

impl Night {
    /// 정보통신망법 §50(3): 21:00 to 08:00, without a separate consent.
    pub const LEGAL: Self = Self {
        begins: time(21, 0, 0, 0),
        ends: time(8, 0, 0, 0),
    };

    /// Kakao's brand messages: 20:50 to 08:00, whoever consented to what (NHN
    /// Cloud's guide; result code 3022).
    pub const KAKAO: Self = Self {
        begins: time(20, 50, 0, 0),
        ends: time(8, 0, 0, 0),
    };

    /// When the night that `now` lies in is over; nothing by day.
    pub fn over_at(self, now: Timestamp) -> Option<Timestamp> {
        let local = SEOUL.to_datetime(now);
        if local.time() < self.ends {
            return seoul(local.date().to_datetime(self.ends));
        }
        if local.time() >= self.begins {
            return seoul(local.date().tomorrow().ok()?.to_datetime(self.ends));
        }
        None
    }

    /// The next end of a night after `now`, whatever time it is: for a channel
    /// that says that it is night by its own clock.
    pub fn next_end(self, now: Timestamp) -> Timestamp {
        let date = SEOUL.to_datetime(now).date();
        let ends = [Ok(date), date.tomorrow()].into_iter().flatten();
        let mut ends = ends.filter_map(|date| seoul(date.to_datetime(self.ends)));
        ends.find(|end| *end > now).unwrap_or(now)
    }
}

fn seoul(local: DateTime) -> Option<Timestamp> {
    SEOUL.to_timestamp(local).ok()
}

/// What proves that somebody may be sent advertising.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Who consented, as the sender's own records name them.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// How: the form, the page, the call.
    pub how: String,
    /// To advertising.
    pub advertising: bool,
    /// To advertising by night, too.
    pub night: bool,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
    /// When it was last confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconfirmed_at: Option<Timestamp>,
}

/// How often somebody is sent advertising at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyCap {
    /// So many messages.
    pub messages: u32,
    /// In so many days, each of 24 hours.
    pub days: u32,
}

impl FrequencyCap {
    /// What was sent after this counts at `now`.
    pub fn since(self, now: Timestamp) -> Timestamp {
        let window = SignedDuration::from_hours(24 * i64::from(self.days));
        now.saturating_sub(window).unwrap_or(Timestamp::MIN)
    }

    /// Whether one more may follow on so many.
    pub const fn allows(self, counted: u32) -> bool {
        counted < self.messages
    }
}

/// Why somebody may not be sent advertising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Reason {
    /// Nothing proves a consent: who, when or how is missing.
    #[error("no evidence of consent")]
    NoEvidence,
    /// It is a consent to something else.
    #[error("no consent to advertising")]
    NotToAdvertising,
    /// It was taken back.
    #[error("consent withdrawn")]
    Withdrawn,
    /// Its two years are over.
    #[error("consent not confirmed for two years")]
    NotReconfirmed,
    /// It is night, and the consent is for the day.
    #[error("no consent for the night")]
    Night,
    /// The number is on the list of those who want nothing more.
    #[error("suppressed")]
    Suppressed,
}

impl Reason {
    /// All of them, what the sender can mend first.
    pub const ALL: [Self; 6] = [
        Self::NoEvidence,
        Self::NotToAdvertising,
        Self::NotReconfirmed,
        Self::Night,
        Self::Withdrawn,
        Self::Suppressed,
    ];

    /// For people.
    pub fn text(self) -> Text {
        let korean = match self {
            Self::NoEvidence => "수신 동의 증빙 없음",
            Self::NotToAdvertising => "광고 수신에 동의하지 않음",
            Self::Withdrawn => "수신 동의 철회",
            Self::NotReconfirmed => "2년 이내에 동의를 재확인하지 않음",
            Self::Night => "야간 수신 동의 없음",
            Self::Suppressed => "수신 거부 목록에 있음",
        };
        Text::new(self.to_string(), korean)
    }
}

/// Whether somebody with this consent may be sent advertising now. Without
/// evidence nobody may.
pub fn may_receive(consent: Option<&Consent>, now: Timestamp) -> Result<(), Reason> {
    let consent = consent.ok_or(Reason::NoEvidence)?;
    // Who took it back has, whatever else is missing.
    if consent.withdrawn_at.is_some() {
        return Err(Reason::Withdrawn);
    }
    if consent.who.trim().is_empty() || consent.how.trim().is_empty() || consent.at > now {
        return Err(Reason::NoEvidence);
    }
    if !consent.advertising {
        return Err(Reason::NotToAdvertising);
    }
    let confirmed = consent.reconfirmed_at.filter(|at| *at <= now);
    if !is_fresh(confirmed.unwrap_or(consent.at).max(consent.at), now) {
        return Err(Reason::NotReconfirmed);
    }
    if !consent.night && Night::LEGAL.over_at(now).is_some() {
        return Err(Reason::Night);
    }
    Ok(())
}

/// Two years, by the calendar of Seoul: the last day counts whole.
fn is_fresh(confirmed: Timestamp, now: Timestamp) -> bool {
    let date = |at| SEOUL.to_datetime(at).date();
    let day = date(confirmed);
    let over = day.year().checked_add(CONSENT_YEARS).and_then(|year| {
        // The 29th of February lasts until the 28th.
        let last = jiff::civil::Date::new(year, day.month(), day.day());
        last.or_else(|_| jiff::civil::Date::new(year, day.month(), 28)).ok()
    });
    over.is_some_and(|last| date(now) <= last)
}

/// A message as it is sent: the label first, sender and free opt-out last.
///
/// `label` is off where the channel puts it there itself. A label in another
/// spelling at the start is a disguise, and is replaced.
pub fn advertisement(message: &str, label: bool, sender: &str, opt_out: &str) -> String {
    let message = without_label(message);
    let head = if label { format!("{LABEL} ") } else { String::new() };
    format!("{head}{message}\n\n{sender} | 무료수신거부 {opt_out}")
}

/// Without a label at its start, however it is spelt.
fn without_label(message: &str) -> &str {
    let text = message.trim_start();
    let Some(inner) = text.strip_prefix(['(', '[', '<', '（', '［', '〈', '【']) else {
        return text;
    };
    let Some((word, rest)) = inner.split_once([')', ']', '>', '）', '］', '〉', '】']) else {
        return text;
    };
    let letters: String = word.chars().filter(|letter| letter.is_alphanumeric()).collect();
    if letters == "광고" { rest.trim_start() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn consent() -> Consent {
        Consent {
            who: "customer 17".to_owned(),
            at: at("2025-03-01T12:00:00+09:00"),
            how: "web form v3".to_owned(),
            advertising: true,
            night: false,
            withdrawn_at: None,
            reconfirmed_at: None,
        }
    }

    #[test]
    fn a_night_has_two_edges() {
        for (now, legal, kakao) in [
            ("2026-11-24T20:49:59.999+09:00", None, None),
            ("2026-11-24T20:50:00+09:00", None, Some("2026-11-25T08:00:00+09:00")),
            ("2026-11-24T20:59:59+09:00", None, Some("2026-11-25T08:00:00+09:00")),
            (
                "2026-11-24T21:00:00+09:00",
                Some("2026-11-25T08:00:00+09:00"),
                Some("2026-11-25T08:00:00+09:00"),
            ),
            (
                "2026-12-31T23:59:59+09:00",
                Some("2027-01-01T08:00:00+09:00"),
                Some("2027-01-01T08:00:00+09:00"),
            ),
            (
                "2026-11-25T00:00:00+09:00",
                Some("2026-11-25T08:00:00+09:00"),
                Some("2026-11-25T08:00:00+09:00"),
            ),
            (
                "2026-11-25T07:59:59.999+09:00",
                Some("2026-11-25T08:00:00+09:00"),
                Some("2026-11-25T08:00:00+09:00"),
            ),
            ("2026-11-25T08:00:00+09:00", None, None),
        ] {
            assert_eq!(Night::LEGAL.over_at(at(now)), legal.map(at), "{now}");
            assert_eq!(Night::KAKAO.over_at(at(now)), kakao.map(at), "{now}");
        }
        let next = |now| Night::KAKAO.next_end(at(now));
        assert_eq!(next("2026-11-24T12:00:00+09:00"), at("2026-11-25T08:00:00+09:00"));
        assert_eq!(next("2026-11-24T02:00:00+09:00"), at("2026-11-24T08:00:00+09:00"));
        assert_eq!(next("2026-11-24T08:00:00+09:00"), at("2026-11-25T08:00:00+09:00"));
    }

    proptest! {
        /// Whatever day and whatever summer time elsewhere.
        #[test]
        fn a_night_ends_by_day_and_within_half_a_day(second in 1_000_000_000_i64..3_000_000_000) {
            let now = Timestamp::from_second(second).unwrap();
            for night in [Night::LEGAL, Night::KAKAO] {
                if let Some(end) = night.over_at(now) {
                    prop_assert!(end > now && end.duration_since(now) <= SignedDuration::from_mins(11 * 60 + 10));
                    prop_assert_eq!(night.over_at(end), None);
                    prop_assert_eq!(night.next_end(now), end);
                }
            }
        }

        #[test]
        fn whatever_was_written_it_begins_with_one_label(message in ".{0,60}") {
            let sent = advertisement(&message, true, "빵집", "080-555-0100");
            prop_assert!(sent.starts_with("(광고) ") && sent.ends_with("빵집 | 무료수신거부 080-555-0100"));
            prop_assert_eq!(advertisement(&sent, true, "a", "b").matches(LABEL).count(), sent.matches(LABEL).count());
        }
    }

    #[test]
    fn a_disguised_label_is_replaced_and_other_brackets_stay() {
        let sent = |message| advertisement(message, true, "빵집", "080-555-0100");
        for message in [
            "안녕",
            "(광고) 안녕",
            "(광 고) 안녕",
            " [광고]안녕",
            "(광*고)안녕",
            "（광고）안녕",
        ] {
            assert_eq!(
                sent(message),
                "(광고) 안녕\n\n빵집 | 무료수신거부 080-555-0100",
                "{message}"
            );
        }
        assert!(sent("(오늘만) 할인").starts_with("(광고) (오늘만) 할인"));
        assert!(advertisement("안녕", false, "빵집", "080").starts_with("안녕\n"));
    }

    #[test]
    fn who_has_consented_by_day_may_receive_by_day() {
        let (day, night) = (at("2026-11-24T12:00:00+09:00"), at("2026-11-24T22:00:00+09:00"));
        assert_eq!(may_receive(Some(&consent()), day), Ok(()));
        assert_eq!(may_receive(Some(&consent()), night), Err(Reason::Night));
        let by_night = Consent {
            night: true,
            ..consent()
        };
        assert_eq!(may_receive(Some(&by_night), night), Ok(()));
    }

    #[test]
    fn what_is_not_proved_blocks() {
        let now = at("2026-11-24T12:00:00+09:00");
        let says = |change: fn(&mut Consent)| {
            let mut consent = consent();
            change(&mut consent);
            may_receive(Some(&consent), now)
        };
        assert_eq!(may_receive(None, now), Err(Reason::NoEvidence));
        assert_eq!(says(|consent| consent.who = " ".to_owned()), Err(Reason::NoEvidence));
        assert_eq!(says(|consent| consent.how.clear()), Err(Reason::NoEvidence));
        assert_eq!(
            says(|consent| consent.at = at("2026-11-24T12:00:01+09:00")),
            Err(Reason::NoEvidence),
            "given later than now"
        );
        assert_eq!(
            says(|consent| consent.at = at("2026-11-24T12:00:00+09:00")),
            Ok(()),
            "given just now"
        );
        assert_eq!(
            says(|consent| consent.advertising = false),
            Err(Reason::NotToAdvertising)
        );
        assert_eq!(
            says(|consent| consent.withdrawn_at = Some(consent.at)),
            Err(Reason::Withdrawn)
        );
        let unproved_and_withdrawn = |consent: &mut Consent| {
            consent.who.clear();
            consent.withdrawn_at = Some(consent.at);
        };
        assert_eq!(
            says(unproved_and_withdrawn),
            Err(Reason::Withdrawn),
            "for another row of theirs, too"
        );
    }

    #[test]
    fn a_consent_lasts_two_years_and_is_confirmed_again() {
        let says = |given: &str, confirmed: Option<&str>, now: &str| {
            let consent = Consent {
                at: at(given),
                reconfirmed_at: confirmed.map(at),
                ..consent()
            };
            may_receive(Some(&consent), at(now))
        };
        let given = "2024-02-29T12:00:00+09:00";
        assert_eq!(says(given, None, "2026-02-28T12:00:00+09:00"), Ok(()));
        assert_eq!(
            says(given, None, "2026-03-01T12:00:00+09:00"),
            Err(Reason::NotReconfirmed)
        );
        let again = Some("2026-01-15T12:00:00+09:00");
        assert_eq!(says(given, again, "2028-01-15T12:00:00+09:00"), Ok(()));
        assert_eq!(
            says(given, again, "2028-01-16T12:00:00+09:00"),
            Err(Reason::NotReconfirmed)
        );
        // What is confirmed in the future is not confirmed.
        let later = Some("2026-04-01T12:00:00+09:00");
        assert_eq!(
            says(given, later, "2026-03-01T12:00:00+09:00"),
            Err(Reason::NotReconfirmed)
        );
    }
}
