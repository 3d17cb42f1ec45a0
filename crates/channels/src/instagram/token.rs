//! Tokens: a short-lived one is exchanged for one of 60 days, and that one renewed
//! while it is good and a day old or more (Meta documents both, with Instagram
//! Login). Meta tells there when a token lapses only by renewing it. With Facebook
//! Login nothing is renewed here; when it lapses can be asked.

use std::time::Duration;

use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::heard;
use super::wire::Debugged;
use crate::api::Api;
use crate::http::{Answer, ExchangeError};
use crate::secret::Secret;

/// With Facebook Login.
const FACEBOOK_LOGIN: &str = "graph.facebook.com";

/// Longest token that is believed.
const TOKEN_MAX: usize = 4_000;

/// Longest life that is believed, as Meta documents it: by a longer one the token would be
/// renewed too late.
const LIFE_MAX: Duration = Duration::from_hours(60 * 24);

/// Renews the token that an API is called with.
#[derive(Debug, Clone)]
pub struct InstagramTokens {
    api: Api,
    api_version: String,
}

/// What became of a token.
#[derive(Debug)]
pub struct Renewed {
    /// The new one; nothing where the old one stays.
    pub token: Option<Secret>,
    /// When it lapses; nothing where that is not told, or never.
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Given {
    access_token: Secret,
    /// Seconds. However it is written, and whatever else: the token counts.
    #[serde(default)]
    expires_in: Value,
}

impl Given {
    fn lives(&self) -> Option<Duration> {
        let text = self.expires_in.as_str().and_then(|text| text.parse().ok());
        let seconds = text.or_else(|| self.expires_in.as_f64())?;
        let lives = Duration::try_from_secs_f64(seconds).ok()?;
        Some(lives.min(LIFE_MAX))
    }
}

impl InstagramTokens {
    /// For the API at `api`.
    pub fn new(api: Api, api_version: &str) -> Self {
        Self {
            api,
            api_version: api_version.to_owned(),
        }
    }

    /// Renews the token, or, with Facebook Login, asks when it lapses.
    ///
    /// # Errors
    /// Why not; a token that is refused is `auth_expired`.
    pub async fn renew(&self, now: Timestamp) -> Result<Renewed, Failure> {
        if self.api.is_at(FACEBOOK_LOGIN) {
            let expires_at = end_of(&self.api, &self.api_version, now).await?;
            return Ok(Renewed {
                token: None,
                expires_at,
            });
        }
        let token = self.api.token();
        let query = [("grant_type", "ig_refresh_token"), ("access_token", token.reveal())];
        let answer = self.api.look_for_secret(&["refresh_access_token"], &query).await;
        given(answer, &[&token], now)
    }

    /// Exchanges the short-lived token that the API is called with.
    ///
    /// # Errors
    /// Why not.
    pub async fn exchange(&self, app_secret: &Secret, now: Timestamp) -> Result<Renewed, Failure> {
        if self.api.is_at(FACEBOOK_LOGIN) {
            return Err(cause::CHANNEL_NOT_CONFIGURED.because(Text::new(
                "A token of Facebook Login is exchanged at Meta's own /oauth/access_token; hand over what it gives.",
                "Facebook 로그인 토큰은 Meta의 /oauth/access_token에서 교환한 뒤 그 결과를 입력해 주세요.",
            )));
        }
        let token = self.api.token();
        let query = [
            ("grant_type", "ig_exchange_token"),
            ("client_secret", app_secret.reveal()),
            ("access_token", token.reveal()),
        ];
        let answer = self.api.look_for_secret(&["access_token"], &query).await;
        let refused = answer.as_ref().is_ok_and(|answer| answer.status.is_client_error());
        given(answer, &[&token, app_secret], now).map_err(|why| if refused { not_exchanged(why) } else { why })
    }
}

/// When the token of an API lapses, where `debug_token` tells.
pub(super) async fn end_of(api: &Api, api_version: &str, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    let token = api.token();
    let answer = api
        .look(&[api_version, "debug_token"], &[("input_token", token.reveal())])
        .await;
    let (debugged, _) = heard::<Debugged>(answer, now).map_err(super::error::Meaning::into_failure)?;
    let end = Timestamp::from_second(debugged.data.expires_at).ok();
    // 0: it never does.
    Ok(end.filter(|at| *at > Timestamp::UNIX_EPOCH))
}

/// The token that was given. What was sent is shown by no refusal, nor is a token that one
/// gives all the same; and of an answer that may hold a token nothing is.
fn given(answer: Result<Answer, ExchangeError>, sent: &[&Secret], now: Timestamp) -> Result<Renewed, Failure> {
    let answer = match answer {
        Ok(answer) if answer.status.is_success() => return read(&answer, now),
        Ok(answer) => {
            let given = answer.json().ok().and_then(|body| token_in(&body));
            let secrets = sent.iter().copied().chain(&given);
            Ok(secrets.fold(answer, |answer, secret| secret.kept_out_of(answer)))
        }
        Err(error) => Err(error),
    };
    match heard::<Given>(answer, now) {
        Ok(_) => Err(no_token()),
        Err(meaning) => Err(meaning.into_failure()),
    }
}

fn token_in(body: &Value) -> Option<Secret> {
    body.get("access_token")?.as_str().map(Secret::new)
}

fn read(answer: &Answer, now: Timestamp) -> Result<Renewed, Failure> {
    let given: Given = serde_json::from_slice(&answer.body).map_err(|_shown_to_nobody| no_token())?;
    let text = given.access_token.reveal();
    if text.is_empty() || text.len() > TOKEN_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(no_token());
    }
    // By Meta's clock: ours may be wrong.
    let from = answer.time(now);
    Ok(Renewed {
        expires_at: given.lives().and_then(|lives| from.checked_add(lives).ok()),
        token: Some(given.access_token),
    })
}

fn no_token() -> Failure {
    crate::failure::unavailable().said("the answer holds no token")
}

/// Meta documents no code for it.
fn not_exchanged(why: Failure) -> Failure {
    let detail = Text::new(
        "The exchange was refused. Look at the app's secret, and log in again: the token lives an hour.",
        "토큰 교환이 거부되었습니다. 앱 시크릿을 확인하고 다시 로그인해 주세요. 단기 토큰은 한 시간만 유효합니다.",
    );
    Failure {
        channel_said: why.channel_said,
        ..cause::AUTH_EXPIRED.because(detail)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::DATE;
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::*;

    fn answered(status: StatusCode, body: &str) -> Result<Renewed, Failure> {
        let answer = Answer {
            status,
            headers: HeaderMap::from_iter([(DATE, HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))]),
            body: Bytes::copy_from_slice(body.as_bytes()),
            cut: false,
        };
        let ahead = Timestamp::UNIX_EPOCH + Duration::from_hours(40 * 24);
        given(Ok(answer), &[], ahead)
    }

    #[test]
    fn a_token_is_kept_however_its_life_is_written() {
        let day = Timestamp::from_second(86_400).ok();
        for (life, end) in [
            ("86400", day),
            ("\"86400\"", day),
            ("86400.0", day),
            ("1e11", Timestamp::from_second(60 * 86_400).ok()),
            ("-1", None),
            ("null", None),
            ("[]", None),
        ] {
            let body = format!(r#"{{"access_token": "IGAAcanary", "expires_in": {life}}}"#);
            let renewed = answered(StatusCode::OK, &body).unwrap();
            assert_eq!(renewed.token.unwrap().reveal(), "IGAAcanary");
            assert_eq!(renewed.expires_at, end, "{life}");
        }
    }

    #[test]
    fn of_an_answer_that_may_hold_a_token_nothing_is_shown() {
        for body in [
            r#"{"token": "IGAAcanary"}"#,
            r#"{"access_token": "IGAAcanary"#,
            r#"{"access_token": ["IGAAcanary"]}"#,
            r#"{"access_token": "IGAA canary"}"#,
        ] {
            let why = answered(StatusCode::OK, body).unwrap_err();
            assert!(!format!("{why:?}").contains("canary"), "{why:?}");
        }
        for status in [StatusCode::FOUND, StatusCode::BAD_REQUEST, StatusCode::BAD_GATEWAY] {
            let why = answered(status, r#"{"access_token": "IGAA\u0063anary-0123"}"#).unwrap_err();
            assert!(!format!("{why:?}").contains("anary"), "{why:?}");
        }
    }
}
