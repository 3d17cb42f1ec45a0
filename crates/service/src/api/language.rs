//! Which language an answer is written in: `Accept-Language` with its weights
//! (RFC 9110, section 12.5.4). English where the caller names neither.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use fanfare_core::text::Language;

/// The language that the caller likes best of those that the service speaks.
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    let mut korean = Wish::default();
    let mut english = Wish::default();
    let mut any = Wish::default();
    let ranges = headers
        .get_all(ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for (place, range) in ranges.enumerate() {
        let (tag, weight) = range_of(range);
        let primary = tag.split('-').next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("ko") {
            korean.name(weight, place);
        } else if primary.eq_ignore_ascii_case("en") {
            english.name(weight, place);
        } else if tag == "*" {
            any.name(weight, place);
        }
    }
    if korean.or(any).beats(english.or(any)) {
        Language::Ko
    } else {
        Language::En
    }
}

/// The name of a language in `Content-Language`.
pub(super) const fn tag_of(language: Language) -> &'static str {
    match language {
        Language::En => "en",
        Language::Ko => "ko",
    }
}

/// How much one language is wanted; `None` where it was not named.
#[derive(Debug, Clone, Copy, Default)]
struct Wish(Option<(u16, usize)>);

impl Wish {
    fn name(&mut self, weight: u16, place: usize) {
        if self.0.is_none_or(|(known, _)| weight > known) {
            self.0 = Some((weight, place));
        }
    }

    fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    /// Wanted more, or as much but named first. What is not wanted at all
    /// beats nothing.
    fn beats(self, other: Self) -> bool {
        let Some((weight, place)) = self.0.filter(|(weight, _)| *weight > 0) else {
            return false;
        };
        other
            .0
            .is_none_or(|(others, first)| weight > others || weight == others && place < first)
    }
}

/// A language range and its weight in thousandths; a weight that cannot be
/// read counts as none given.
fn range_of(range: &str) -> (&str, u16) {
    let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
    let weight = parameters
        .trim()
        .strip_prefix(['q', 'Q'])
        .and_then(|rest| rest.trim_start().strip_prefix('='))
        .map_or(Some(1_000), |value| thousandths(value.trim()));
    (tag.trim(), weight.unwrap_or(1_000))
}

/// `0`, `1`, or one of them with up to three decimals.
fn thousandths(value: &str) -> Option<u16> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(values: &[&str]) -> Language {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_LANGUAGE, value.parse().unwrap());
        }
        language_of(&headers)
    }

    #[test]
    fn the_wish_is_honoured() {
        for (values, expected) in [
            (&[][..], Language::En),
            (&["ko"], Language::Ko),
            (&["ko-KR"], Language::Ko),
            (&["KO-kr"], Language::Ko),
            (&["ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7"], Language::Ko),
            (&["en;q=0.8, ko;q=0.9"], Language::Ko),
            (&["en, ko"], Language::En),
            (&["ko, en"], Language::Ko),
            (&["en;q=0.5", "ko"], Language::Ko),
            (&["fr"], Language::En),
            (&["fr, ko;q=0.1"], Language::Ko),
            (&["*"], Language::En),
            (&["*;q=0.5, ko"], Language::Ko),
            (&["en;q=0, *"], Language::Ko),
            (&["ko;q=0"], Language::En),
            (&["ko;q=0, en;q=0"], Language::En),
            (&["kok"], Language::En),
            (&["ko;q=1.000"], Language::Ko),
            (&["ko;q=0.001"], Language::Ko),
            (&["en;q=0.5, ko;q=nonsense"], Language::Ko),
            (&[",;=,"], Language::En),
        ] {
            assert_eq!(language(values), expected, "{values:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_ignored() {
        let mut headers = HeaderMap::new();
        let value = axum::http::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
        headers.append(ACCEPT_LANGUAGE, value);
        assert_eq!(language_of(&headers), Language::En);
    }
}
