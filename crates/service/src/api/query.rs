//! A query string, read strictly: a parameter that is unknown, repeated or
//! wrong is named, all of them at once. One that were silently ignored would
//! list what nobody asked for.

use std::collections::BTreeSet;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use fanfare_core::ids::TenantId;
use fanfare_core::text::Text;
use jiff::Timestamp;

use super::error::{ApiError, ParameterFault};

/// Items of a page, unless the caller says otherwise.
pub(super) const DEFAULT_LIMIT: usize = 50;

/// Items of a page at most.
pub(super) const MAX_LIMIT: usize = 200;

/// Longest name of a tenant, in characters.
const TENANT_MAX: usize = 64;

/// A query's parameters, and what is wrong with them so far.
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<ParameterFault>,
}

/// What is wrong with a value: a stable word, and how to mend it.
pub(super) type ValueFault = (&'static str, Text);

impl Query {
    /// Reads the query of an address in which only `known` parameters may stand.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Self {
        // Every query string can be read as pairs.
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_or_else(|_never| Vec::new(), |pairs| pairs.0);
        let mut query = Self {
            pairs,
            faults: Vec::new(),
        };
        query.check_names(known);
        query
    }

    fn check_names(&mut self, known: &[&str]) {
        let (mut seen, mut named) = (BTreeSet::new(), BTreeSet::new());
        for (name, _) in &self.pairs {
            let twice = !seen.insert(name.as_str());
            if known.contains(&name.as_str()) && !twice || !named.insert(name.as_str()) {
                continue;
            }
            let (code, detail) = if known.contains(&name.as_str()) {
                ("repeated_parameter", repeated())
            } else {
                ("unknown_parameter", unknown(known))
            };
            self.faults.push(ParameterFault {
                parameter: name.clone(),
                code,
                detail,
            });
        }
    }

    /// Reads one parameter; what is wrong with it is noted.
    pub(super) fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, ValueFault>) -> Option<T> {
        let (_, value) = self.pairs.iter().find(|(known, _)| known == name)?;
        match read(value) {
            Ok(value) => Some(value),
            Err((code, detail)) => {
                self.fault(name, code, detail);
                None
            }
        }
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, name: &str, code: &'static str, detail: Text) {
        let parameter = name.to_owned();
        self.faults.push(ParameterFault {
            parameter,
            code,
            detail,
        });
    }

    /// Reads `limit`.
    pub(super) fn limit(&mut self) -> usize {
        self.read("limit", limit).unwrap_or(DEFAULT_LIMIT)
    }

    /// Refuses the query if anything is wrong with it.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(ApiError::InvalidQuery(self.faults))
        }
    }
}

fn limit(value: &str) -> Result<usize, ValueFault> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let limit = value.parse().ok().filter(|_| digits);
    limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
        let detail = Text::new(
            format!("Give a whole number from 1 to {MAX_LIMIT}."),
            format!("1~{MAX_LIMIT} 사이의 정수를 적어 주세요."),
        );
        ("out_of_range", detail)
    })
}

/// A word out of a closed set.
pub(super) fn word<T: Copy>(value: &str, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, ValueFault> {
    let found = all.iter().copied().find(|known| name(*known) == value);
    found.ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|known| name(*known)).collect();
        let known = known.join(", ");
        let detail = Text::new(
            format!("Give one of {known}, in this spelling."),
            format!("다음 중 하나를 그대로 적어 주세요: {known}"),
        );
        ("unknown_value", detail)
    })
}

/// A tenant's name, as keys have it.
pub(super) fn tenant(value: &str) -> Result<TenantId, ValueFault> {
    let fits = !value.trim().is_empty() && value.chars().count() <= TENANT_MAX && !value.chars().any(char::is_control);
    fits.then(|| TenantId::new(value)).ok_or_else(|| {
        let detail = Text::new(
            format!("Give a tenant's name: 1 to {TENANT_MAX} characters, not blank, without control characters."),
            format!("테넌트 이름을 1~{TENANT_MAX}자로 적어 주세요. 공백만 쓰거나 제어 문자를 넣을 수 없습니다."),
        );
        ("out_of_range", detail)
    })
}

/// A number without sign and fraction.
pub(super) fn whole_number(value: &str) -> Result<u32, ValueFault> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    number.ok_or_else(|| {
        let detail = Text::new("Give a whole number, such as `2`.", "`2`처럼 정수로 적어 주세요.");
        ("out_of_range", detail)
    })
}

/// RFC 3339 with an offset.
pub(super) fn time(value: &str) -> Result<Timestamp, ValueFault> {
    value.parse().map_err(|error: jiff::Error| {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a time in a query cannot be read"
        );
        // An offset's plus, sent as it is, means a space in a query.
        let (plus, plus_ko) = if value.contains(' ') {
            (
                " Write a plus in a query as `%2B`.",
                " 쿼리에서 더하기 기호는 `%2B`로 적어 주세요.",
            )
        } else {
            ("", "")
        };
        let detail = Text::new(
            format!("Give a time with an offset as RFC 3339 defines it, such as `2026-12-01T09:00:00Z`.{plus}"),
            format!("`2026-12-01T09:00:00Z`처럼 오프셋이 있는 RFC 3339 시각을 적어 주세요.{plus_ko}"),
        );
        ("bad_time", detail)
    })
}

fn repeated() -> Text {
    Text::new("Give it once.", "한 번만 적어 주세요.")
}

fn unknown(known: &[&str]) -> Text {
    let known = known.join(", ");
    Text::new(
        format!("There is no such parameter; there are: {known}."),
        format!("없는 파라미터입니다. 사용할 수 있는 파라미터: {known}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(query: Query) -> Vec<(String, &'static str)> {
        match query.finish() {
            Err(ApiError::InvalidQuery(faults)) => {
                faults.into_iter().map(|fault| (fault.parameter, fault.code)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn query(text: &str) -> Query {
        Query::of(&text.parse().unwrap(), &["limit", "from"])
    }

    #[test]
    fn every_fault_is_named_once() {
        let mut query = query("/x?limit=0&limit=2&limit=3&size=1&size=2&%66rom=now");
        query.limit();
        query.read("from", time);
        let expected = [
            ("limit", "repeated_parameter"),
            ("size", "unknown_parameter"),
            ("limit", "out_of_range"),
            ("from", "bad_time"),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, code)| (name.to_owned(), code))
            .collect();
        assert_eq!(faults(query), expected);
    }

    #[test]
    fn limits_are_whole_numbers_within_bounds() {
        for (text, expected) in [("1", Some(1)), ("200", Some(200)), ("0", None), ("201", None)] {
            assert_eq!(limit(text).ok(), expected, "{text}");
        }
        for text in ["", "-1", "+5", "1.5", "ten", "99999999999999999999"] {
            assert!(limit(text).is_err(), "{text}");
        }
        assert_eq!(query("/x").limit(), DEFAULT_LIMIT);
    }

    #[test]
    fn times_need_an_offset_and_a_lost_plus_is_explained() {
        assert!(time("2026-12-01T09:00:00+09:00").is_ok());
        assert!(time("2026-12-01T09:00:00Z").is_ok());
        let explained = |text| time(text).unwrap_err().1.en.contains("%2B");
        assert!(explained("2026-12-01T09:00:00 09:00"));
        assert!(!explained("2026-12-01T09:00:00"));
        assert!(time("2026-02-30T00:00:00Z").is_err());
    }
}
