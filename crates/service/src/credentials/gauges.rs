//! How tokens stand, for `/metrics`: how many so, and when the first lapses. Not by
//! tenant: there may be many.

use fanfare_core::credential::{TokenStanding, TokenState};
use jiff::Timestamp;
use metrics::gauge;

use super::CHANNEL;
use crate::telemetry::{TOKEN_SOONEST_EXPIRY, TOKENS, float};

/// The configuration's.
pub(crate) const CONFIGURED: &str = "configured";

/// Tenants' own.
pub(crate) const TENANTS: &str = "tenants";

/// Shows them.
pub(crate) fn show<'t>(whose: &'static str, tokens: impl IntoIterator<Item = &'t TokenStanding>, now: Timestamp) {
    let (counts, soonest) = sums(tokens, now);
    for (state, count) in TokenState::NAMES.into_iter().zip(counts) {
        let labels = [("channel", CHANNEL.name()), ("account", whose), ("state", state)];
        gauge!(TOKENS, &labels).set(float(count));
    }
    let labels = [("channel", CHANNEL.name()), ("account", whose)];
    let seconds = soonest.and_then(|end| u64::try_from(end.as_second()).ok());
    gauge!(TOKEN_SOONEST_EXPIRY, &labels).set(seconds.map_or(f64::INFINITY, float));
}

/// How many by state, and when the first lapses of those that have not.
fn sums<'t>(tokens: impl IntoIterator<Item = &'t TokenStanding>, now: Timestamp) -> ([u64; 4], Option<Timestamp>) {
    let (mut counts, mut soonest) = ([0; 4], None::<Timestamp>);
    for token in tokens {
        let state = token.state(now);
        let at = TokenState::NAMES.iter().position(|name| *name == state.name());
        counts[at.unwrap_or_default()] += 1;
        let end = token.expires_at.filter(|_| state != TokenState::Expired);
        soonest = soonest.into_iter().chain(end).min();
    }
    (counts, soonest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fanfare_core::credential::Tried;

    use super::*;

    #[test]
    fn they_are_counted_by_how_they_stand_and_what_has_lapsed_is_not_the_next_to() {
        let day = |day: u64| Timestamp::UNIX_EPOCH + Duration::from_hours(24 * day);
        let ends = |end: u64| TokenStanding::new(day(0), Some(day(end)));
        let refused = TokenStanding {
            tried: Tried::Failed {
                code: "auth_expired".to_owned(),
                said: None,
            },
            ..TokenStanding::new(day(0), None)
        };
        let tokens = [
            ends(60),
            ends(70),
            ends(33),
            ends(9),
            refused,
            TokenStanding::new(day(0), None),
        ];
        assert_eq!(sums(&tokens, day(30)), ([3, 1, 1, 1], Some(day(33))));
        assert_eq!(sums([], day(30)), ([0; 4], None));
    }
}
