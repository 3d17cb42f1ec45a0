//! What a channel's credentials are found to be, by calls that post nothing.
//!
//! Which answer means what is each client's own table; here stands what follows
//! from it: whether the channel was reached, whether its TLS is trusted, whether
//! the credentials were taken, and what a person does where not.

use fanfare_core::cause;
use fanfare_core::delivery::Failure;
use fanfare_core::text::Text;
use jiff::Timestamp;

use crate::api::Api;
use crate::contract::Heard;
use crate::failure;
use crate::http::{Answer, ExchangeError, NotSent};

/// What is looked up where something must be named: no delivery is called so.
pub(crate) const NOBODY: &str = "fanfare-check";

/// Letters of a channel's own names that are kept.
const NAME_MAX: usize = 100;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Where the channel is called: scheme, host and port.
    pub address: String,
    /// Whether it answers there.
    pub reached: bool,
    /// How far its TLS is trusted.
    pub tls: Tls,
    /// What it says to our credentials.
    pub credentials: Credentials,
    /// As whom it knows us, where it says so.
    pub account: Option<Account>,
    /// What may still be posted, where it says so.
    pub quota: Option<PostQuota>,
    /// When the token lapses, where it says so.
    pub token_expires_at: Option<Timestamp>,
    /// What could not be tried without posting; nothing where all was.
    pub untried: Option<Text>,
}

/// How far a channel's TLS is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Its certificate is trusted, and is for this name.
    Good,
    /// No trusted connection could be made.
    Refused,
    /// It is called over plain HTTP.
    Plain,
    /// It was not reached.
    Unknown,
}

/// What a channel says to our credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// They are taken.
    Accepted,
    /// They are not: why, in the channel's words too, and what to do.
    Refused(Failure),
    /// It did not come to that: what is in the way.
    Unknown(Failure),
    /// There are none: a person does it.
    NotNeeded,
}

/// As whom a channel knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its own id of the account.
    pub id: String,
    /// What people see.
    pub name: Option<String>,
}

/// What a channel takes in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostQuota {
    /// Posted in it so far.
    pub used: u64,
    /// In all; `None` where it does not say.
    pub total: Option<u64>,
    /// How long the period is, in seconds; `None` where it does not say.
    pub period_s: Option<u64>,
}

impl PostQuota {
    /// What is left of it, where that can be told.
    pub fn left(self) -> Option<u64> {
        Some(self.total?.saturating_sub(self.used))
    }
}

impl Checked {
    /// It answered; `heard` is what that means.
    pub(crate) fn answered(api: &Api, heard: Result<(), Failure>) -> Self {
        Self::at(api.origin(), api.is_encrypted(), heard)
    }

    /// No whole answer came.
    pub(crate) fn unanswered(api: &Api, error: &ExchangeError) -> Self {
        Self::without_answer(api.origin(), api.is_encrypted(), error)
    }

    pub(crate) fn at(address: String, encrypted: bool, heard: Result<(), Failure>) -> Self {
        Self {
            address,
            reached: true,
            tls: if encrypted { Tls::Good } else { Tls::Plain },
            credentials: match heard {
                Ok(()) => Credentials::Accepted,
                Err(why) if is_about_credentials(&why) => Credentials::Refused(why),
                Err(why) => Credentials::Unknown(in_other_words(why)),
            },
            account: None,
            quota: None,
            token_expires_at: None,
            untried: None,
        }
    }

    pub(crate) fn without_answer(address: String, encrypted: bool, error: &ExchangeError) -> Self {
        let tls = match error {
            _ if !encrypted => Tls::Plain,
            ExchangeError::NotSent(NotSent::Tls, _) => Tls::Refused,
            ExchangeError::NotSent(NotSent::Closed, _) | ExchangeError::Lost { .. } => Tls::Good,
            ExchangeError::NotSent(..) => Tls::Unknown,
        };
        let why = cause::CHANNEL_UNAVAILABLE.because(advice(error)).said(&error.words());
        Self {
            reached: false,
            tls,
            credentials: Credentials::Unknown(why),
            ..Self::at(address, encrypted, Ok(()))
        }
    }

    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.reached && matches!(self.credentials, Credentials::Accepted | Credentials::NotNeeded)
    }

    /// What is wrong, if anything is.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.credentials {
            Credentials::Refused(why) | Credentials::Unknown(why) => Some(why),
            Credentials::Accepted | Credentials::NotNeeded => None,
        }
    }
}

/// What a look-up by one of our own contracts says; `is_read` knows an answer that
/// the contract promises.
pub(crate) fn of_contract(
    api: &Api,
    answer: Result<Answer, ExchangeError>,
    heard: impl FnOnce(&Answer) -> Heard,
    is_read: impl FnOnce(&Answer) -> bool,
) -> Checked {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Checked::unanswered(api, &error),
    };
    let why = match heard(&answer) {
        _ if is_read(&answer) => return Checked::answered(api, Ok(())),
        Heard::Refused(why, _) => why,
        Heard::Taken | Heard::Known => failure::misconfigured(),
        Heard::Unclear => failure::unavailable(),
    };
    Checked::answered(api, Err(why.said(&answer.words_without_numbers())))
}

/// It answered, and nothing follows from that.
fn out_of_order() -> Failure {
    cause::CHANNEL_UNAVAILABLE.because(Text::new(
        "The channel answered, but not to what was asked: it is out of order, or base_url names something else. Try \
         again later; look at base_url where it stays so.",
        "채널이 응답했지만 요청에 대한 답이 아닙니다. 채널이 장애 상태이거나 base_url이 다른 곳을 가리킵니다. 잠시 뒤 다시 \
         확인하고, 계속되면 base_url을 확인해 주세요.",
    ))
}

/// What is shown of a channel's own names.
pub(crate) fn shown(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The table's own words of it promise another try, which nobody makes here.
fn in_other_words(why: Failure) -> Failure {
    if why.code != cause::CHANNEL_UNAVAILABLE.code {
        return why;
    }
    Failure {
        channel_said: why.channel_said,
        ..out_of_order()
    }
}

fn is_about_credentials(why: &Failure) -> bool {
    let causes = [
        &cause::AUTH_EXPIRED,
        &cause::PERMISSION_DENIED,
        &cause::ACCOUNT_RESTRICTED,
        &cause::SENDER_REJECTED,
    ];
    causes.iter().any(|cause| cause.code == why.code)
}

/// What a person looks at where no whole answer came.
fn advice(error: &ExchangeError) -> Text {
    match error {
        ExchangeError::NotSent(NotSent::Name, _) => Text::new(
            "The host's name is not known here. Look at base_url and at this machine's name server.",
            "호스트 이름을 찾을 수 없습니다. base_url과 이 서버의 DNS 설정을 확인해 주세요.",
        ),
        ExchangeError::NotSent(NotSent::Tls, _) => Text::new(
            "No trusted TLS connection could be made: the certificate is for another name, has lapsed, or is not \
             trusted here. Look at base_url and at this machine's trusted certificates.",
            "신뢰할 수 있는 TLS 연결을 맺지 못했습니다. 인증서의 이름이 다르거나 만료되었거나 이 서버가 신뢰하지 않습니다. base_url과 \
             이 서버의 신뢰 인증서를 확인해 주세요.",
        ),
        ExchangeError::NotSent(NotSent::Connect | NotSent::ConnectTimeout, _) => Text::new(
            "Nobody takes the connection. Look at base_url, its port, and what stands between (a firewall).",
            "연결할 수 없습니다. base_url과 포트, 방화벽을 확인해 주세요.",
        ),
        ExchangeError::NotSent(NotSent::Closed | NotSent::Request, _) | ExchangeError::Lost { .. } => Text::new(
            "The connection was made, and no whole answer came. Try again later; look at base_url where it stays so.",
            "연결은 되었지만 온전한 응답을 받지 못했습니다. 잠시 뒤 다시 확인하고, 계속되면 base_url을 확인해 주세요.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(kind: Option<NotSent>) -> ExchangeError {
        match kind {
            Some(kind) => ExchangeError::NotSent(kind, "x".into()),
            None => ExchangeError::Lost {
                timed_out: true,
                source: "x".into(),
            },
        }
    }

    #[test]
    fn what_kept_an_answer_away_says_how_far_it_came_and_what_to_look_at() {
        for (kind, tls, words) in [
            (Some(NotSent::Name), Tls::Unknown, "name server"),
            (Some(NotSent::Connect), Tls::Unknown, "firewall"),
            (Some(NotSent::ConnectTimeout), Tls::Unknown, "firewall"),
            (Some(NotSent::Tls), Tls::Refused, "trusted certificates"),
            (Some(NotSent::Closed), Tls::Good, "no whole answer"),
            (None, Tls::Good, "no whole answer"),
        ] {
            let checked = Checked::without_answer("https://a.kr".to_owned(), true, &lost(kind));
            let why = checked.failure().unwrap();
            assert_eq!((checked.reached, checked.is_good(), checked.tls), (false, false, tls));
            assert!(why.detail.en.contains(words), "{kind:?}: {}", why.detail.en);
            assert!(matches!(checked.credentials, Credentials::Unknown(_)));
        }
        let plain = Checked::without_answer("http://a.kr".to_owned(), false, &lost(None));
        assert_eq!(plain.tls, Tls::Plain);
    }

    #[test]
    fn only_what_is_about_credentials_refuses_them() {
        for (why, refused) in [
            (failure::auth_expired(), true),
            (failure::permission_denied(), true),
            (failure::account_restricted(), true),
            (failure::sender_rejected(), true),
            (failure::rate_limited(), false),
            (failure::misconfigured(), false),
            (failure::unavailable(), false),
        ] {
            let checked = Checked::at("https://a.kr".to_owned(), true, Err(why.clone()));
            assert_eq!(
                matches!(checked.credentials, Credentials::Refused(_)),
                refused,
                "{why:?}"
            );
            assert!(checked.reached && !checked.is_good());
        }
    }
}
