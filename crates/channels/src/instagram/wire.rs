//! What Meta answers, as far as it is read, and what its usage headers ask.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::error::Meaning;
use crate::check::PostQuota;
use crate::http::{Answer, within_bounds};

/// Percent of the allowance at which an account is left alone for a while.
const USAGE_MAX: f64 = 100.0;

/// For how long, where Meta does not say.
const USAGE_PAUSE: Duration = Duration::from_mins(5);

/// A container or a post was made.
#[derive(Debug, Deserialize)]
pub(super) struct Created {
    #[serde(deserialize_with = "sound_id")]
    pub(super) id: String,
}

/// A list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
}

/// How far a container is.
#[derive(Debug, Deserialize)]
pub(super) struct Container {
    pub(super) status_code: StatusCode,
    /// In words; of a failure also with its subcode.
    #[serde(default)]
    status: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum StatusCode {
    InProgress,
    Finished,
    Published,
    Error,
    Expired,
    /// A word that Meta did not have when this was written.
    #[serde(other)]
    Unknown,
}

/// What may still be posted.
#[derive(Debug, Deserialize)]
pub(super) struct Quota {
    quota_usage: u64,
    #[serde(default)]
    config: Option<QuotaConfig>,
}

#[derive(Debug, Deserialize)]
struct QuotaConfig {
    quota_total: u64,
    #[serde(default)]
    quota_duration: Option<u64>,
}

/// Whose token it is.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    #[serde(deserialize_with = "sound_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) username: Option<String>,
}

/// What is known of a token.
#[derive(Debug, Deserialize)]
pub(super) struct Debugged {
    pub(super) data: TokenData,
}

#[derive(Debug, Deserialize)]
pub(super) struct TokenData {
    /// Seconds since 1970; 0 where it never lapses.
    #[serde(default)]
    pub(super) expires_at: i64,
}

/// Where a post can be seen.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    #[serde(default, deserialize_with = "sound_url")]
    pub(super) permalink: Option<String>,
}

/// One of the account's posts.
#[derive(Debug, Deserialize)]
pub(super) struct Post {
    #[serde(deserialize_with = "sound_id")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) caption: Option<String>,
    #[serde(default, deserialize_with = "sound_url")]
    pub(super) permalink: Option<String>,
    #[serde(default)]
    pub(super) timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
struct AppUsage {
    #[serde(default)]
    call_count: f64,
    #[serde(default)]
    total_cputime: f64,
    #[serde(default)]
    total_time: f64,
}

#[derive(Deserialize)]
struct BusinessUsage {
    #[serde(default)]
    estimated_time_to_regain_access: u64,
}

impl Quota {
    pub(super) fn shown(&self) -> PostQuota {
        PostQuota {
            used: self.quota_usage,
            total: self.config.as_ref().map(|config| config.quota_total),
            period_s: self.config.as_ref().and_then(|config| config.quota_duration),
        }
    }

    /// Meta's documents name different totals, so only its own word counts.
    pub(super) fn is_used_up(&self) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| self.quota_usage >= config.quota_total)
    }
}

impl Container {
    /// Why it failed, by the subcode in its words.
    pub(super) fn meaning(&self, answer: &Answer) -> Meaning {
        let numbers = self.status.split(|c: char| !c.is_ascii_digit());
        let subcode = numbers
            .filter(|text| text.len() == 7)
            .find_map(|text| text.parse().ok());
        Meaning::of_container(subcode, &answer.words())
    }
}

/// How long the usage headers ask to be left alone; nothing where there is room.
pub(super) fn hold(headers: &HeaderMap) -> Option<Duration> {
    let business: BTreeMap<String, Vec<BusinessUsage>> = header(headers, "x-business-use-case-usage");
    let minutes = business
        .values()
        .flatten()
        .map(|usage| usage.estimated_time_to_regain_access);
    if let Some(minutes) = minutes.max().filter(|minutes| *minutes > 0) {
        return Some(within_bounds(Duration::from_secs(minutes.saturating_mul(60))));
    }
    let app: AppUsage = header(headers, "x-app-usage");
    let most = app.call_count.max(app.total_cputime).max(app.total_time);
    (most >= USAGE_MAX).then_some(USAGE_PAUSE)
}

/// What is absent or can't be read asks for nothing.
fn header<T: DeserializeOwned + Default>(headers: &HeaderMap, name: &str) -> T {
    let value = headers.get(name);
    value
        .and_then(|value| serde_json::from_slice(value.as_bytes()).ok())
        .unwrap_or_default()
}

fn sound_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    // It becomes part of an address.
    let sound =
        !id.is_empty() && id.len() <= 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if sound {
        return Ok(id);
    }
    Err(serde::de::Error::custom("not an id of Meta's"))
}

/// An address that can be shown to people; anything else is left out.
fn sound_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(crate::http::sound_url))
}
