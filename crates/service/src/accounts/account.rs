//! Whom a channel is called as: which keys its account consists of, and which values
//! they take. One table for the configuration's account and for those that tenants hand
//! over.
//!
//! Where the channel is, is the operator's to say (`base_url`), and trusted. Only a
//! tenant's own blog lies elsewhere: which addresses that may have is in `endpoint.rs`.

use std::collections::BTreeMap;

use fanfare_channels::contract::is_path_id;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::Channel;
use fanfare_core::decode;
use fanfare_core::fault::Fault;
use fanfare_core::phone::{Phone, PhoneKind};
use fanfare_core::text::Text;
use fanfare_core::validate::code;
use fanfare_core::validate::naver_post::is_blog_id;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::{ChannelConfig, ChannelProtocol};

/// Bytes of an account's mark.
const MARK_BYTES: usize = 6;

/// Longest token, in characters.
const TOKEN_MAX: usize = 4_096;

/// Longest of any other value.
const VALUE_MAX: usize = 200;

/// What an account may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    AccessToken,
    AccountId,
    ProductId,
    AppKey,
    SenderKey,
    SenderName,
    UnsubscribeNumber,
    RecipientList,
    Endpoint,
}

impl Part {
    const ALL: [Self; 9] = [
        Self::AccessToken,
        Self::AccountId,
        Self::ProductId,
        Self::AppKey,
        Self::SenderKey,
        Self::SenderName,
        Self::UnsubscribeNumber,
        Self::RecipientList,
        Self::Endpoint,
    ];

    /// In the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "accessToken",
            Self::AccountId => "accountId",
            Self::ProductId => "productId",
            Self::AppKey => "appKey",
            Self::SenderKey => "senderKey",
            Self::SenderName => "senderName",
            Self::UnsubscribeNumber => "unsubscribeNumber",
            Self::RecipientList => "recipientList",
            Self::Endpoint => "endpoint",
        }
    }

    /// In the channel's table of the configuration.
    pub(crate) const fn config_name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::AccountId => "account_id",
            Self::ProductId => "product_id",
            Self::AppKey => "app_key",
            Self::SenderKey => "sender_key",
            Self::SenderName => "sender_name",
            Self::UnsubscribeNumber => "unsubscribe_number",
            Self::RecipientList => "recipient_list",
            Self::Endpoint => "base_url",
        }
    }

    fn configured(self, config: &ChannelConfig) -> Option<&str> {
        match self {
            Self::AccessToken => config.access_token.as_ref().map(Secret::reveal),
            Self::AccountId => config.account_id.as_deref(),
            Self::ProductId => config.product_id.as_deref(),
            Self::AppKey => config.app_key.as_deref(),
            Self::SenderKey => config.sender_key.as_deref(),
            Self::SenderName => config.sender_name.as_deref(),
            Self::UnsubscribeNumber => config.unsubscribe_number.as_deref(),
            Self::RecipientList => config.recipient_list.as_deref(),
            // There it is the channel's, and no part of the account.
            Self::Endpoint => None,
        }
    }

    const fn max(self) -> usize {
        match self {
            Self::AccessToken => TOKEN_MAX,
            _ => VALUE_MAX,
        }
    }
}

/// What is said of one part of a channel's account.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) part: Part,
    required: bool,
    /// Another value is another account: what was begun with one can't be followed with
    /// the other.
    identifies: bool,
    /// What would be right, in both languages.
    pub(crate) right: (&'static str, &'static str),
    fits: fn(&str) -> bool,
}

const TOKEN: Rule = Rule {
    part: Part::AccessToken,
    required: true,
    identifies: false,
    right: (
        "it must be the token that the channel gave you",
        "채널에서 발급받은 토큰을 그대로 적어 주세요",
    ),
    // It stands in a header.
    fits: |text| text.bytes().all(|byte| byte.is_ascii_graphic()),
};

const INSTAGRAM: [Rule; 2] = [
    Rule {
        part: Part::AccountId,
        required: true,
        identifies: true,
        right: (
            "it must be the professional account's id, digits only",
            "프로페셔널 계정의 ID를 숫자로만 적어 주세요",
        ),
        fits: |text| text.bytes().all(|byte| byte.is_ascii_digit()),
    },
    TOKEN,
];

const GENIE_TV: [Rule; 3] = [
    Rule {
        part: Part::AccountId,
        required: true,
        identifies: true,
        right: (
            "it must be the advertiser's account at the channel: letters, digits, - _ . ~",
            "채널의 광고주 계정을 적어 주세요(영문, 숫자, - _ . ~)",
        ),
        fits: is_path_id,
    },
    Rule {
        part: Part::ProductId,
        required: true,
        identifies: false,
        right: (
            "it must name what is booked, as the channel's product list has it",
            "예약할 상품을 채널의 상품 목록에 있는 이름으로 적어 주세요",
        ),
        fits: any,
    },
    TOKEN,
];

const KAKAO_CHANNEL: [Rule; 6] = [
    Rule {
        part: Part::AppKey,
        required: true,
        identifies: true,
        right: (
            "it must be the NHN Cloud project's app key: letters, digits, - _ . ~",
            "NHN Cloud 프로젝트의 앱키를 적어 주세요(영문, 숫자, - _ . ~)",
        ),
        fits: is_path_id,
    },
    Rule {
        part: Part::SenderKey,
        required: true,
        identifies: true,
        right: (
            "it must be the sender profile's key",
            "카카오톡 채널의 발신 프로필 키를 적어 주세요",
        ),
        fits: any,
    },
    Rule {
        part: Part::SenderName,
        required: true,
        identifies: false,
        right: (
            "the law wants the sender's name in each message",
            "법에 따라 메시지마다 표시할 전송자 이름을 적어 주세요",
        ),
        fits: any,
    },
    Rule {
        part: Part::UnsubscribeNumber,
        required: true,
        identifies: false,
        right: (
            "it must be an 080 number: the law wants a free way to opt out in each message",
            "법에 따라 메시지마다 표시할 무료 수신거부 번호(080)를 적어 주세요",
        ),
        fits: |text| Phone::parse(text).is_ok_and(|phone| phone.kind == PhoneKind::TollFree),
    },
    Rule {
        part: Part::RecipientList,
        required: false,
        identifies: false,
        right: (
            "it must be the name of a list: letters, digits, - _ . ~, not beginning with a dot",
            "수신자 목록 이름을 적어 주세요(영문, 숫자, - _ . ~, 점으로 시작할 수 없음)",
        ),
        fits: |text| is_path_id(text) && !text.starts_with('.'),
    },
    TOKEN,
];

/// Of posts that a person makes.
const BLOG_BY_HAND: [Rule; 1] = [Rule {
    part: Part::AccountId,
    // Without one a post may be on any blog.
    required: false,
    identifies: false,
    right: (
        "it must be the blog's id, as in blog.naver.com/myshop: letters, digits, - _",
        "블로그 아이디를 적어 주세요. 예: blog.naver.com/myshop의 myshop (영문, 숫자, - _)",
    ),
    fits: is_blog_id,
}];

const AUTHOR: Rule = Rule {
    part: Part::AccountId,
    required: true,
    identifies: true,
    right: (
        "it must say who posts: the author's user name",
        "글쓴이의 사용자 이름을 적어 주세요",
    ),
    fits: any,
};

/// A password may have blanks.
const PASSWORD: Rule = Rule { fits: any, ..TOKEN };

const BLOG: [Rule; 2] = [AUTHOR, PASSWORD];

/// A tenant's, which says where it is.
const OWN_BLOG: [Rule; 3] = [
    Rule {
        part: Part::Endpoint,
        required: true,
        identifies: true,
        right: (
            "it must be the address at which the blog takes posts by XML-RPC",
            "블로그가 XML-RPC로 글을 받는 주소를 적어 주세요",
        ),
        // Where it may be depends on the configuration: `endpoint.rs`.
        fits: any,
    },
    AUTHOR,
    PASSWORD,
];

fn any(_: &str) -> bool {
    true
}

/// What a channel's account consists of, in the order in which it is missed.
pub(crate) fn rules(channel: Channel, protocol: ChannelProtocol) -> &'static [Rule] {
    match (protocol, channel) {
        (ChannelProtocol::Own, Channel::Instagram) => &INSTAGRAM,
        (ChannelProtocol::Own, Channel::GenieTV) => &GENIE_TV,
        (ChannelProtocol::Own, Channel::KakaoChannel) => &KAKAO_CHANNEL,
        (ChannelProtocol::MetaWeblog, Channel::NaverBlog) => &BLOG,
        (ChannelProtocol::Own, Channel::NaverBlog) => &BLOG_BY_HAND,
        // Nothing else is a blog.
        (ChannelProtocol::MetaWeblog, _) => &[],
        (ChannelProtocol::Own, Channel::WooridongneTV | Channel::RingoBiz) | (ChannelProtocol::Gateway, _) => &[TOKEN],
    }
}

/// The same of one that a tenant hands over.
pub(crate) fn own_rules(channel: Channel, protocol: ChannelProtocol) -> &'static [Rule] {
    match (protocol, channel) {
        (ChannelProtocol::MetaWeblog, Channel::NaverBlog) => &OWN_BLOG,
        _ => rules(channel, protocol),
    }
}

/// An account. All of it is shown as stars; who shows an id of it asks for that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account(BTreeMap<Part, Secret>);

impl Account {
    /// The configuration's.
    pub(crate) fn of_config(config: &ChannelConfig) -> Self {
        let given = Part::ALL.map(|part| (part, part.configured(config)));
        Self::of(given.into_iter().filter_map(|(key, text)| Some((key, text?))))
    }

    fn of<'t>(given: impl Iterator<Item = (Part, &'t str)>) -> Self {
        let given = given.map(|(key, text)| (key, text.trim()));
        let given = given.filter(|(_, text)| !text.is_empty());
        Self(given.map(|(key, text)| (key, Secret::new(text))).collect())
    }

    /// What a tenant hands over for this channel.
    ///
    /// # Errors
    /// Everything that is wrong with it; no fault repeats a value.
    pub(crate) fn read(body: &Value, channel: Channel, protocol: ChannelProtocol) -> Result<Self, Vec<Fault>> {
        let rules = own_rules(channel, protocol);
        let known: Vec<_> = rules.iter().map(|rule| (rule.part.name(), rule.part.max())).collect();
        let (read, mut faults) = decode::account::account(body, &known);
        let account = Self::of(
            Part::ALL
                .into_iter()
                .filter_map(|key| Some((key, read.get(key.name())?.as_str()))),
        );
        for rule in account.broken(rules) {
            let pointer = format!("/{}", rule.part.name());
            let told = |fault: &Fault| fault.pointer == pointer || fault.pointer.is_empty();
            if !faults.iter().any(told) {
                let code = if account.0.contains_key(&rule.part) {
                    code::BAD_ACCOUNT
                } else {
                    code::REQUIRED
                };
                faults.push(Fault::new(&pointer, code, rule.text()));
            }
        }
        // Where nothing of it is required, it says something all the same.
        if let Some(rule) = rules.first().filter(|_| faults.is_empty() && account.0.is_empty()) {
            faults.push(Fault::new(
                format!("/{}", rule.part.name()),
                code::REQUIRED,
                rule.text(),
            ));
        }
        if faults.is_empty() { Ok(account) } else { Err(faults) }
    }

    /// What is missing or refused.
    pub(crate) fn broken<'r>(&'r self, rules: &'r [Rule]) -> impl Iterator<Item = &'r Rule> {
        rules.iter().filter(|rule| match self.0.get(&rule.part) {
            Some(value) => !(rule.fits)(value.reveal()),
            None => rule.required,
        })
    }

    /// What it says; empty where it does not.
    pub(crate) fn text(&self, key: Part) -> &str {
        self.0.get(&key).map(Secret::reveal).unwrap_or_default()
    }

    /// What it says, to be shown to whose it is: not the token.
    pub(crate) fn shown(&self, key: Part) -> Option<String> {
        let value = self.0.get(&key).filter(|_| key != Part::AccessToken)?;
        Some(value.reveal().to_owned())
    }

    /// What it is called with.
    pub(crate) fn token(&self) -> Secret {
        Secret::new(self.text(Part::AccessToken))
    }

    /// Which account it is, whatever its token; nothing where only a token tells.
    pub(crate) fn mark(&self, channel: Channel, protocol: ChannelProtocol) -> Option<String> {
        // The configuration's has no address of its own, and keeps the mark that it had.
        let has = |part| part != Part::Endpoint || self.0.contains_key(&part);
        let rules = own_rules(channel, protocol).iter();
        let said: Vec<_> = rules
            .filter(|rule| rule.identifies && has(rule.part))
            .map(|rule| format!("{}={}", rule.part.name(), self.text(rule.part)))
            .collect();
        if said.is_empty() {
            return None;
        }
        let hash = Sha256::digest(said.join("\n").as_bytes());
        let bytes = hash.iter().take(MARK_BYTES);
        Some(bytes.fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }

    /// Whether it is this one, whatever the token of either.
    pub(crate) fn is_but_for_token(&self, other: &Self) -> bool {
        let parts = |account: &Self| Part::ALL.map(|part| account.shown(part));
        parts(self) == parts(other)
    }

    /// To be sealed.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let fields = self.0.iter();
        let fields = fields.map(|(key, value)| (key.name().to_owned(), Value::from(value.reveal())));
        fields.collect()
    }

    /// What was sealed; keys of later versions are left out.
    pub(crate) fn from_json(value: &Value) -> Self {
        Self::of(
            Part::ALL
                .into_iter()
                .filter_map(|key| Some((key, value[key.name()].as_str()?))),
        )
    }
}

impl Rule {
    fn text(&self) -> Text {
        let (en, ko) = self.right;
        let name = self.part.name();
        Text::new(
            format!("`{name}` is missing or refused: {en}."),
            format!("`{name}` 값이 없거나 올바르지 않습니다. {ko}."),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: ChannelProtocol = ChannelProtocol::Own;

    fn faults(channel: Channel, body: &Value) -> Vec<(String, &'static str)> {
        let faults = Account::read(body, channel, OWN).err().unwrap_or_default();
        let said = format!("{faults:?}");
        assert!(!said.contains("canary"), "I16: {said}");
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_and_no_value_repeated() {
        let kakao = json!({"appKey": "../canary", "senderKey": "s", "unsubscribeNumber": "02-555-0100",
            "recipientList": ".canary", "accessToken": "canary canary", "accountId": "1"});
        let refused = code::BAD_ACCOUNT;
        let of = |pointer: &str, code| (pointer.to_owned(), code);
        assert_eq!(
            faults(Channel::KakaoChannel, &kakao),
            [
                of("/accountId", code::UNKNOWN_FIELD),
                of("/appKey", refused),
                of("/senderName", code::REQUIRED),
                of("/unsubscribeNumber", refused),
                of("/recipientList", refused),
                of("/accessToken", refused),
            ]
        );
        assert_eq!(
            faults(Channel::Instagram, &json!({})),
            [of("/accountId", code::REQUIRED), of("/accessToken", code::REQUIRED)]
        );
        assert_eq!(faults(Channel::Instagram, &json!("canary")), [of("", code::WRONG_TYPE)]);
        let twice = json!({"accountId": 17, "accessToken": "canary"});
        assert_eq!(faults(Channel::Instagram, &twice), [of("/accountId", code::WRONG_TYPE)]);
    }

    #[test]
    fn it_is_shown_without_its_token_and_printed_not_at_all() {
        let body = json!({"accountId": "1784", "accessToken": "canary-token"});
        let account = Account::read(&body, Channel::Instagram, OWN).unwrap();
        assert!(!format!("{account:?}").contains("1784"));
        assert_eq!(account.shown(Part::AccountId).as_deref(), Some("1784"));
        assert_eq!(account.shown(Part::AccessToken), None);
        assert_eq!(Account::from_json(&Value::Object(account.to_json())), account);
    }

    #[test]
    fn a_token_is_changed_and_the_account_stays_the_same() {
        let read = |id: &str, token: &str| {
            let body = json!({"accountId": id, "accessToken": token});
            let account = Account::read(&body, Channel::Instagram, OWN).unwrap();
            account.mark(Channel::Instagram, OWN).unwrap()
        };
        assert_eq!(read("1784", "a"), read("1784", "b"));
        assert_ne!(read("1784", "a"), read("1785", "a"));
        let (blog, protocol) = (Channel::NaverBlog, ChannelProtocol::MetaWeblog);
        let at = |endpoint: &str| {
            let body = json!({"endpoint": endpoint, "accountId": "shop", "accessToken": "a"});
            Account::read(&body, blog, protocol).unwrap().mark(blog, protocol)
        };
        assert_ne!(at("https://a.kr/xmlrpc.php"), at("https://b.kr/xmlrpc.php"));
        let configured = ChannelConfig {
            base_url: Some("https://a.kr/xmlrpc.php".to_owned()),
            account_id: Some("shop".to_owned()),
            ..ChannelConfig::default()
        };
        let moved = ChannelConfig {
            base_url: Some("https://b.kr/xmlrpc.php".to_owned()),
            ..configured.clone()
        };
        let mark = |config| Account::of_config(config).mark(blog, protocol);
        assert_eq!(mark(&configured), mark(&moved), "where it is, is the channel's");
        let token = Account::read(&json!({"accessToken": "a"}), Channel::WooridongneTV, OWN).unwrap();
        assert_eq!(token.mark(Channel::WooridongneTV, OWN), None);
    }
}
