//! The `Prefer` header (RFC 7240): how long a caller wants to wait.
//!
//! A preference is a wish: one that cannot be read or is not known is ignored,
//! never refused.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

/// The longest wait; a wish beyond it is cut to it, and `Preference-Applied`
/// says so.
pub(super) const MAX_WAIT: Duration = Duration::from_mins(1);

/// Says which wishes were honoured.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What the caller prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Preferences {
    /// Wait so long for the channels.
    wait: Option<Duration>,
    /// Do not wait, or, together with `wait`, no longer than that.
    respond_async: bool,
}

impl Preferences {
    /// Reads the header. Of a preference that is given twice, the first counts.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let mut waits = false;
        let values = headers.get_all(PREFER);
        for value in values.iter().filter_map(|value| value.to_str().ok()) {
            for preference in split_outside_quotes(value, ',') {
                let own = split_outside_quotes(preference, ';').next();
                let (name, value) = named(own.unwrap_or_default());
                if name.eq_ignore_ascii_case("respond-async") {
                    preferences.respond_async = true;
                } else if name.eq_ignore_ascii_case("wait") && !waits {
                    waits = true;
                    preferences.wait = seconds(value);
                }
            }
        }
        preferences
    }

    /// How long to wait for the channels.
    pub(super) fn wait(self, default: Duration) -> Duration {
        match self.wait {
            Some(wait) => wait,
            None if self.respond_async => Duration::ZERO,
            None => default,
        }
    }

    /// The same answer, which says what was honoured.
    pub(super) fn said(self, mut response: Response) -> Response {
        if let Some(applied) = self.applied() {
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
        response
    }

    /// For `Preference-Applied`; `None` where nothing was asked.
    fn applied(self) -> Option<HeaderValue> {
        let wait = self.wait.map(|wait| format!("wait={}", wait.as_secs()));
        let respond_async = self.respond_async.then(|| "respond-async".to_owned());
        let applied: Vec<_> = respond_async.into_iter().chain(wait).collect();
        if applied.is_empty() {
            return None;
        }
        HeaderValue::try_from(applied.join(", ")).ok()
    }
}

/// Seconds, cut to the longest wait; a number too large to hold is one of those.
fn seconds(value: &str) -> Option<Duration> {
    if value.is_empty() || !value.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let wait = value.parse().map_or(MAX_WAIT, Duration::from_secs);
    Some(wait.min(MAX_WAIT))
}

fn named(preference: &str) -> (&str, &str) {
    let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    (name.trim(), unquoted.unwrap_or(value))
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Duration = Duration::from_secs(30);

    fn preferences(values: &[&str]) -> Preferences {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().unwrap());
        }
        Preferences::of(&headers)
    }

    #[test]
    fn the_wait_is_the_callers_within_bounds() {
        for (values, wait, applied) in [
            (&[][..], 30, None),
            (&["wait=10"], 10, Some("wait=10")),
            (&["wait=0"], 0, Some("wait=0")),
            (&["wait=60"], 60, Some("wait=60")),
            (&["wait=61"], 60, Some("wait=60")),
            (&["wait=99999999999999999999999"], 60, Some("wait=60")),
            (&["Wait = \"5\""], 5, Some("wait=5")),
            (&["respond-async"], 0, Some("respond-async")),
            (&["respond-async, wait=7"], 7, Some("respond-async, wait=7")),
            (&["wait=7", "respond-async"], 7, Some("respond-async, wait=7")),
            (&["wait=3, wait=9"], 3, Some("wait=3")),
            (&["wait=x, wait=9"], 30, None),
            (&["wait=-1"], 30, None),
            (&["wait=1.5"], 30, None),
            (&["wait"], 30, None),
            (&["handling=lenient; x=\"a,wait=1\", wait=2; y"], 2, Some("wait=2")),
            (&["return=minimal"], 30, None),
            (&["", ",,;=\""], 30, None),
        ] {
            let preferences = preferences(values);
            let seconds = preferences.wait(DEFAULT).as_secs();
            assert_eq!(seconds, wait, "{values:?}");
            let header = preferences.applied();
            let header = header.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(header, applied, "{values:?}");
        }
    }
}
