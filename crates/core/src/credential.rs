//! What a channel lets us in by, as it is kept: sealed, with its age and its end;
//! and when a token that lapses is renewed, and when people are told.
//!
//! Deliberately absent: how it is sealed and opened, and how it is renewed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cause;
use crate::channel::Channel;
use crate::ids::TenantId;

/// A token with less than this left is renewed (our own measure: Meta's live 60 days).
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Meta renews no token that is younger, and one try a day is enough.
const RENEWED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// After a try that came to nothing.
const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// One that the channel refuses is tried once a day for so long, and then not until
/// another one is handed over.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// With less left than this people are told, more urgently each time: by then it has
/// been tried for two weeks.
const TOLD_BEFORE_DAYS: [i64; 4] = [14, 7, 3, 1];

/// A credential, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Whose.
    pub tenant: TenantId,
    /// For which channel.
    pub channel: Channel,
    /// Grows by one with each change: who changes it says which one it follows.
    pub version: u64,
    /// What it is.
    pub sealed: Sealed,
    /// How it stands.
    pub standing: TokenStanding,
}

/// A value under a key of its own, and that key under another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key the value's own key is sealed with.
    pub key_id: String,
    /// The value's own key, sealed.
    pub data_key: String,
    /// The value, sealed with it.
    pub value: String,
}

/// How old a token is, when it lapses, and how renewing it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenStanding {
    /// When we got it.
    pub set_at: Timestamp,
    /// When it lapses; nothing where nobody has told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last tried to renew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<Timestamp>,
    /// What came of that.
    #[serde(default)]
    pub tried: Tried,
    /// Since when the channel refuses it, whatever came of later tries; earlier versions
    /// do not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<Timestamp>,
}

/// What came of a try to renew a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tried {
    /// It did what it should, or there was none.
    #[default]
    Well,
    /// Somebody is at it, or died over it.
    Begun,
    /// Why not.
    Failed {
        /// The cause's code.
        code: String,
        /// In the channel's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

impl Tried {
    /// Why it came to nothing.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Failed { code, .. } => Some(code),
            Self::Well | Self::Begun => None,
        }
    }

    /// The same in the channel's own words.
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Failed { said, .. } => said.as_deref(),
            Self::Well | Self::Begun => None,
        }
    }

    /// The channel refuses the token itself.
    pub fn is_refusal(&self) -> bool {
        self.code() == Some(cause::AUTH_EXPIRED.code)
    }
}

/// How urgent it is that somebody does something; higher is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It is good for long, or renews itself.
    Good,
    /// It lapses soon, and could not be renewed: from 1, which is early.
    Expiring(u64),
    /// It has lapsed.
    Expired,
    /// The channel refuses it.
    Refused,
}

impl TokenStanding {
    /// A token that we have just got.
    pub const fn new(set_at: Timestamp, expires_at: Option<Timestamp>) -> Self {
        Self {
            set_at,
            expires_at,
            tried_at: None,
            tried: Tried::Well,
            refused_since: None,
        }
    }

    /// What it is after a try that came to nothing.
    #[must_use]
    pub fn after(self, tried: Tried, now: Timestamp) -> Self {
        let refused_since = self.refused_since.or_else(|| tried.is_refusal().then_some(now));
        Self {
            tried,
            refused_since,
            ..self
        }
    }

    /// Whether it is to be renewed now. One whose end nobody knows is, since that
    /// tells it; a refusal costs nothing.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let given_up = |since: Timestamp| now.duration_since(since) >= GIVEN_UP_AFTER;
        if self.refused_since.is_some_and(given_up) {
            return false;
        }
        let wait = match self.tried {
            Tried::Well => RENEWED_EVERY,
            _ if self.refused_since.is_some() => RENEWED_EVERY,
            Tried::Begun | Tried::Failed { .. } => TRIED_AGAIN_AFTER,
        };
        // A time to come was written by a clock that was wrong.
        let waits = |at: Timestamp| {
            let passed = now.duration_since(at);
            passed < wait && !passed.is_negative()
        };
        if self.tried_at.is_some_and(waits) {
            return false;
        }
        self.expires_at.is_none_or(|end| {
            let (age, left) = (now.duration_since(self.set_at), end.duration_since(now));
            // What has lapsed can't be renewed.
            age >= RENEWED_EVERY && left.is_positive() && left < RENEWED_BEFORE
        })
    }

    /// How it stands.
    pub fn state(&self, now: Timestamp) -> TokenState {
        let left = self.expires_at.map(|end| end.duration_since(now));
        if left.is_some_and(|left| !left.is_positive()) {
            return TokenState::Expired;
        }
        if self.tried.is_refusal() || self.refused_since.is_some() {
            return TokenState::Refused;
        }
        let days = |days: &&i64| left.is_some_and(|left| left < SignedDuration::from_hours(**days * 24));
        match TOLD_BEFORE_DAYS.iter().filter(days).count() {
            0 => TokenState::Good,
            level => TokenState::Expiring(level as u64),
        }
    }
}

impl TokenState {
    /// All words on the wire.
    pub const NAMES: [&str; 4] = [
        Self::Good.name(),
        Self::Expiring(1).name(),
        Self::Expired.name(),
        Self::Refused.name(),
    ];

    /// The level of its alarm; 0 where nobody has to be told.
    pub const fn level(self) -> u64 {
        match self {
            Self::Good => 0,
            Self::Expiring(level) => level,
            Self::Expired | Self::Refused => TOLD_BEFORE_DAYS.len() as u64 + 1,
        }
    }

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expiring(_) => "expiring",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        hour(day * 24)
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    fn failed(code: &str) -> Tried {
        Tried::Failed {
            code: code.to_owned(),
            said: None,
        }
    }

    /// What comes of later tries says nothing of the refusal.
    #[test]
    fn a_refusal_stays_said_is_tried_daily_and_given_up_after_a_week() {
        let token = TokenStanding::new(day(0), None);
        let refused = token.after(failed("auth_expired"), day(1));
        let mut later = refused.after(failed("channel_unavailable"), day(2));
        later.tried_at = Some(day(2));
        assert_eq!(
            (later.state(day(2)), later.refused_since),
            (TokenState::Refused, Some(day(1)))
        );
        assert!(!later.is_due(hour(2 * 24 + 23)) && later.is_due(day(3)));
        later.tried = Tried::Begun;
        assert_eq!(later.state(day(3)), TokenState::Refused, "while somebody is at it, too");
        later.tried_at = Some(day(6));
        assert!(later.is_due(day(7)) && !later.is_due(day(8)) && !later.is_due(day(80)));
        let json = serde_json::to_string(&TokenStanding::new(day(0), None)).unwrap();
        assert!(!json.contains("refused"), "{json}");
    }

    #[test]
    fn it_is_renewed_when_half_of_its_life_is_over_and_then_each_day() {
        let mut token = TokenStanding::new(day(0), Some(day(60)));
        for (at, due) in [
            (hour(0), false),
            (day(29), false),
            (hour(30 * 24 + 1), true),
            (day(59), true),
            (day(60), false),
        ] {
            assert_eq!(token.is_due(at), due, "{at}");
        }
        token.tried_at = Some(day(40));
        assert!(!token.is_due(hour(40 * 24 + 23)) && token.is_due(day(41)), "once a day");
        token.tried = failed("channel_unavailable");
        assert!(
            !token.is_due(day(40)) && token.is_due(hour(40 * 24 + 1)),
            "sooner after a failure"
        );
        token.tried = Tried::Begun;
        assert!(
            !token.is_due(day(40)) && token.is_due(hour(40 * 24 + 1)),
            "sooner after a death"
        );
    }

    #[test]
    fn one_whose_end_is_not_known_is_asked_at_once_and_a_young_one_is_left_alone() {
        let mut unknown = TokenStanding::new(day(0), None);
        assert!(unknown.is_due(day(0)));
        unknown.tried_at = Some(day(0));
        assert!(!unknown.is_due(hour(1)) && unknown.is_due(day(1)));
        unknown.tried_at = Some(day(40));
        assert!(unknown.is_due(day(1)), "a clock was wrong");
        // A short-lived one that Meta would not renew.
        let young = TokenStanding::new(day(0), Some(hour(30)));
        assert!(!young.is_due(hour(23)) && young.is_due(hour(24)));
    }

    #[test]
    fn people_are_told_more_urgently_as_its_end_comes_nearer() {
        let token = TokenStanding::new(day(0), Some(day(60)));
        let levels = [0, 46, 47, 53, 54, 57, 58, 59, 60, 90].map(|at| token.state(day(at)).level());
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3, 5, 5]);
        assert_eq!(token.state(hour(59 * 24 + 1)), TokenState::Expiring(4));
        assert_eq!(TokenStanding::new(day(0), None).state(day(900)), TokenState::Good);
    }

    #[test]
    fn a_refusal_is_told_at_once_and_trouble_of_the_channel_s_is_not() {
        let mut token = TokenStanding::new(day(0), None);
        token.tried = failed("auth_expired");
        assert_eq!(
            (token.state(day(1)), token.state(day(1)).level()),
            (TokenState::Refused, 5)
        );
        token.tried = failed("channel_unavailable");
        assert_eq!(token.state(day(1)), TokenState::Good);
    }
}
