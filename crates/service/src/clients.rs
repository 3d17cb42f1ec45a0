//! Makes each live channel's client from the configuration, or says what the
//! configuration lacks for it: one channel's trouble is no reason not to start. And, by
//! the same rules, clients for accounts that tenants have handed over.

mod lacking;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fanfare_channels::api::Api;
use fanfare_channels::client::ChannelClient;
use fanfare_channels::gateway::{self, GatewayClient, Shape};
use fanfare_channels::genie_tv::{self, GenieTvClient, GenieTvSettings};
use fanfare_channels::http::{HttpClient, HttpSettings, SetupError};
use fanfare_channels::instagram::token::InstagramTokens;
use fanfare_channels::instagram::{self, API_VERSION, InstagramClient, InstagramSettings};
use fanfare_channels::kakao_channel::{self, BASE_URL, KakaoChannelClient, KakaoSettings};
use fanfare_channels::media::links::MediaLinks;
use fanfare_channels::media::{MediaClient, Spots};
use fanfare_channels::naver_blog::hand_off::{FEEDS, HandOff, HandOffClient, HandOffSettings};
use fanfare_channels::naver_blog::meta_weblog::{self, MetaWeblogClient, MetaWeblogSettings};
use fanfare_channels::ringo_biz::{self, RingoBizClient};
use fanfare_channels::secret::{Secret, Token};
use fanfare_channels::{any_channel, wooridongne_tv};
use fanfare_core::attempt::{Dedup, Protocol};
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::delivery::Failure;
use fanfare_core::validate::kakao_channel::Frame;
use fanfare_core::validate::url::is_allowed;
use url::{Host, Url};

use self::lacking::{does_not_fit, lacks, lacks_setting, own_lacks};
use crate::accounts::account::{Account, Part, own_rules, rules};
use crate::accounts::endpoint::endpoint;
use crate::config::{ChannelConfig, ChannelProtocol, Config};
use crate::hand_off_key;
use crate::perform::Connection;
use crate::recipients::RecipientLists;

/// Where Instagram is, with Instagram Login.
const INSTAGRAM: &str = "https://graph.instagram.com";

/// So many times Kakao Channel is asked what became of what it took.
const RESULT_LOOKS: u32 = 4;

/// What the configuration comes to.
pub(crate) struct Connected {
    /// Each channel's, by [`Channel::index`].
    pub(crate) connections: [Connection; Channel::ALL.len()],
    /// Where posts are handed to a person.
    pub(crate) hand_off: Option<Arc<HandOff>>,
    /// Where channels fetch pictures that were made to fit.
    pub(crate) media: Option<Arc<MediaLinks>>,
    /// What Instagram is called with, and what renews it.
    pub(crate) tokens: Option<(Token, InstagramTokens)>,
    /// What clients of tenants' own accounts are made from, where a channel is live.
    pub(crate) clients: Option<Box<Clients>>,
}

/// What clients are made from, whoever's account they are for.
pub(crate) struct Clients {
    config: Config,
    /// Where this service listens.
    address: SocketAddr,
    http: HttpClient,
    /// For addresses that tenants name.
    public: HttpClient,
    media: MediaClient,
    links: Result<Arc<MediaLinks>, Failure>,
}

/// What comes of a client beside it.
#[derive(Default)]
struct Beside {
    hand_off: Option<Arc<HandOff>>,
    tokens: Option<(Token, InstagramTokens)>,
}

/// Makes the clients; `address` is where this service listens.
///
/// # Errors
/// [`SetupError`] where a channel is live and no HTTP client can be had at all.
pub(crate) fn connect(config: &Config, address: SocketAddr) -> Result<Connected, SetupError> {
    let mut connections = [const { Connection::Mock }; Channel::ALL.len()];
    let is_live = |channel: &Channel| config.channels.get(*channel).mode == Mode::Live;
    let live: Vec<_> = Channel::ALL.into_iter().filter(is_live).collect();
    if live.is_empty() {
        return Ok(Connected {
            connections,
            hand_off: None,
            media: None,
            tokens: None,
            clients: None,
        });
    }
    let clients = Clients::new(config, address)?;
    let mut beside = Beside::default();
    for channel in live {
        let made = clients.configured(channel, &mut beside);
        connections[channel.index()] = made.map_or_else(Connection::Unusable, Connection::Live);
    }
    Ok(Connected {
        connections,
        hand_off: beside.hand_off,
        media: clients.links.clone().ok(),
        tokens: beside.tokens,
        clients: Some(Box::new(clients)),
    })
}

/// How a channel's protocol behaves. It does not depend on whether the configuration has
/// an account for it: tenants may have.
pub(crate) fn protocol(channel: Channel, config: &ChannelConfig, connection: &Connection) -> Protocol {
    let settle = Duration::from_millis(config.settle_ms);
    match (connection, config.protocol, channel) {
        (Connection::Mock, ..) => Protocol::MOCK,
        (Connection::Live(client), ..) => client.protocol(),
        (_, ChannelProtocol::Own, Channel::Instagram) => instagram::protocol(settle),
        (_, ChannelProtocol::Own, Channel::KakaoChannel) => kakao_channel::protocol(settle),
        (_, ChannelProtocol::Own, Channel::GenieTV) => genie_tv::PROTOCOL,
        (_, ChannelProtocol::Own, Channel::RingoBiz) => ringo_biz::PROTOCOL,
        (_, ChannelProtocol::Own, Channel::WooridongneTV) | (_, ChannelProtocol::Gateway, _) => gateway::PROTOCOL,
        (_, ChannelProtocol::MetaWeblog, Channel::NaverBlog) => meta_weblog::protocol(settle),
        // Nothing is called; what is in doubt is not decided either.
        (_, ChannelProtocol::Own, Channel::NaverBlog) | (_, ChannelProtocol::MetaWeblog, _) => Protocol {
            first_step_has_effect: true,
            dedup: Dedup::LookUp { settle: Duration::ZERO },
            observed_at: &[],
        },
    }
}

/// What exchanges and renews this token of Instagram's.
///
/// # Errors
/// What the configuration lacks, and [`SetupError`] in its words.
pub(crate) fn instagram_tokens(config: &Config, token: Secret) -> anyhow::Result<InstagramTokens> {
    let instagram = config.channels.get(Channel::Instagram);
    let base_url = base_url(Channel::Instagram, instagram).map_err(|why| anyhow::anyhow!(why.detail.en))?;
    let version = instagram.api_version.as_deref().unwrap_or(API_VERSION);
    Ok(InstagramTokens::new(Api::new(http(config)?, base_url, token), version))
}

fn http(config: &Config) -> Result<HttpClient, SetupError> {
    HttpClient::new(&http_settings(config))
}

fn http_settings(config: &Config) -> HttpSettings {
    HttpSettings {
        deadline: Duration::from_millis(config.calls.deadline_ms),
        connect_timeout: Duration::from_millis(config.calls.connect_timeout_ms),
        adaptive_timeout_min: Duration::from_millis(config.calls.adaptive_timeout_min_ms),
        ..HttpSettings::default()
    }
}

/// Where Instagram can fetch a picture from this service, or what is missing for it.
fn media_links(config: &Config, address: SocketAddr) -> Result<Arc<MediaLinks>, Failure> {
    let instagram = &config.channels.instagram;
    let own = format!("http://{address}");
    let beside = || instagram.base_url.as_deref().and_then(|url| Url::parse(url).ok());
    let public_url = match &config.public_url {
        Some(public_url) => public_url,
        // What runs on this machine, such as the simulator, reaches it as we do.
        None if beside().is_some_and(|url| is_loopback(&url)) => &own,
        None => {
            return Err(does_not_fit(
                "public_url",
                "it must say where Meta reaches this service",
            ));
        }
    };
    let folder = match &config.media.dir {
        Some(folder) => folder.clone(),
        None if config.database_url.is_some() => {
            let right = "nodes that share a database need one folder of media, which each of them reaches";
            return Err(does_not_fit("media.dir", right));
        }
        None => config.data_dir.join("media"),
    };
    let public_url = Url::parse(public_url);
    let public_url =
        public_url.map_err(|_invalid| does_not_fit("public_url", "it must say where Meta reaches this service"))?;
    Ok(Arc::new(MediaLinks::new(folder, public_url)))
}

impl Clients {
    fn new(config: &Config, address: SocketAddr) -> Result<Self, SetupError> {
        Ok(Self {
            http: http(config)?,
            public: HttpClient::public(&http_settings(config))?,
            media: MediaClient::new(
                &config.media.allow_hosts,
                Duration::from_millis(config.calls.deadline_ms) / 2,
            )?
            .with_on_change(config.media.on_change),
            links: media_links(config, address),
            config: config.clone(),
            address,
        })
    }

    /// For the account that the configuration names.
    fn configured(&self, channel: Channel, beside: &mut Beside) -> Result<Arc<dyn ChannelClient>, Failure> {
        let config = self.config.channels.get(channel);
        let account = Account::of_config(config);
        if let Some(rule) = account.broken(rules(channel, config.protocol)).next() {
            return Err(lacks(channel, rule.part.config_name(), rule.right.0));
        }
        self.client(channel, &account, beside)
    }

    /// For an account that a tenant has handed over.
    ///
    /// # Errors
    /// What it lacks, or what the configuration lacks beside it.
    pub(crate) fn own(&self, channel: Channel, account: &Account) -> Result<Arc<dyn ChannelClient>, Failure> {
        let protocol = self.config.channels.get(channel).protocol;
        if let Some(rule) = account.broken(own_rules(channel, protocol)).next() {
            return Err(own_lacks(channel, rule.part));
        }
        self.client(channel, account, &mut Beside::default())
    }

    /// What renews the token of an account that a tenant has handed over.
    ///
    /// # Errors
    /// What the configuration lacks for it.
    pub(crate) fn own_tokens(&self, account: &Account) -> Result<InstagramTokens, Failure> {
        let version = self.config.channels.instagram.api_version.as_deref();
        let api = self.api(Channel::Instagram, account)?;
        Ok(InstagramTokens::new(api, version.unwrap_or(API_VERSION)))
    }

    /// For an account that has all that the channel's accounts have.
    fn client(
        &self,
        channel: Channel,
        account: &Account,
        beside: &mut Beside,
    ) -> Result<Arc<dyn ChannelClient>, Failure> {
        let config = self.config.channels.get(channel);
        let gateway = |shape: Shape| -> Result<Arc<dyn ChannelClient>, Failure> {
            Ok(Arc::new(GatewayClient::new(self.api(channel, account)?, shape)))
        };
        if channel == Channel::RingoBiz && config.verified_numbers().is_empty() {
            let right = "it must list the lines that were verified for each tenant; no other line's tone is replaced";
            return Err(lacks(channel, "verified_numbers", right));
        }
        match (config.protocol, channel) {
            (ChannelProtocol::Own, Channel::KakaoChannel) => self.kakao_channel(account),
            (ChannelProtocol::Gateway, _) => gateway(any_channel::SHAPE),
            (ChannelProtocol::Own, Channel::WooridongneTV) => {
                let client = GatewayClient::new(self.api(channel, account)?, wooridongne_tv::SHAPE);
                Ok(Arc::new(client.showing(self.spots(config))))
            }
            (ChannelProtocol::Own, Channel::Instagram) => self.instagram(account, beside),
            (ChannelProtocol::MetaWeblog, Channel::NaverBlog) => self.meta_weblog(account),
            (ChannelProtocol::Own, Channel::GenieTV) => {
                let settings = GenieTvSettings {
                    account_id: account.text(Part::AccountId).to_owned(),
                    product_id: account.text(Part::ProductId).to_owned(),
                    poll_interval: Duration::from_millis(config.poll_interval_ms),
                };
                let api = self.api(channel, account)?;
                Ok(Arc::new(GenieTvClient::new(api, self.spots(config), settings)))
            }
            (ChannelProtocol::Own, Channel::RingoBiz) => {
                let verified = Arc::new(config.verified_numbers());
                let (api, media) = (self.api(channel, account)?, self.media.clone());
                Ok(Arc::new(RingoBizClient::new(api, media, verified)))
            }
            (ChannelProtocol::Own, Channel::NaverBlog) => {
                let made = self.hand_off()?;
                beside.hand_off = Some(Arc::clone(&made));
                Ok(Arc::new(HandOffClient(made)))
            }
            (ChannelProtocol::MetaWeblog, _) => Err(lacks(
                channel,
                "protocol",
                "only NaverBlog can be a blog; set protocol = \"own\"",
            )),
        }
    }

    /// What looks at television's films, unless the operator wants them handed on unseen.
    fn spots(&self, config: &ChannelConfig) -> Spots {
        let looks = config.probe_video.unwrap_or(true);
        Spots::new(
            looks.then(|| self.media.clone()),
            Duration::from_millis(self.config.calls.deadline_ms),
        )
    }

    fn api(&self, channel: Channel, account: &Account) -> Result<Api, Failure> {
        let base_url = base_url(channel, self.config.channels.get(channel))?;
        Ok(Api::new(self.http.clone(), base_url, account.token()))
    }

    /// Posts that a person puts on Naver Blog; `check.rs` has refused an `address` that
    /// nobody can open.
    fn hand_off(&self) -> Result<Arc<HandOff>, Failure> {
        let config = &self.config;
        let of_channel = config.channels.get(Channel::NaverBlog);
        let lacks = |key: &str, right: &str| lacks(Channel::NaverBlog, key, right);
        let feeds = of_channel.base_url.as_deref().unwrap_or(FEEDS);
        let feeds =
            Url::parse(feeds).map_err(|_invalid| lacks("base_url", "it must say where the blogs' feeds are"))?;
        let own = format!("http://{}", self.address);
        let public_url = Url::parse(config.public_url.as_deref().unwrap_or(&own));
        let key = hand_off_key::find(config).map_err(|error| {
            // Said once, here; requests are told what to mend.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no hand-off pages can be made"
            );
            let right = "it must be the key that the hand-off pages' addresses are signed with; the log says more";
            lacks_setting(Channel::NaverBlog, "hand_off.key", right)
        })?;
        let settings = HandOffSettings {
            public_url: public_url.map_err(|_invalid| {
                let right = "it must say where people reach this service";
                lacks_setting(Channel::NaverBlog, "public_url", right)
            })?,
            key,
            valid_for: Duration::from_hours(24 * u64::from(config.hand_off.valid_days)),
            feeds,
            image_fit: of_channel.image_fit,
        };
        Ok(Arc::new(HandOff::new(self.http.clone(), self.media.clone(), settings)))
    }

    /// A blog elsewhere, in Naver Blog's place.
    fn meta_weblog(&self, account: &Account) -> Result<Arc<dyn ChannelClient>, Failure> {
        let config = self.config.channels.get(Channel::NaverBlog);
        let own = account.shown(Part::Endpoint);
        let settings = MetaWeblogSettings {
            image_fit: config.image_fit,
            poll_interval: Duration::from_millis(config.poll_interval_ms),
            settle: Duration::from_millis(config.settle_ms),
            second_look: Duration::from_millis(config.second_look_ms),
            // Of the configured blog.
            post_url: config.post_url.clone().filter(|_| own.is_none()),
            ..MetaWeblogSettings::new(account.text(Part::AccountId))
        };
        let api = match own {
            Some(named) => self.own_blog(account, &named)?,
            None => self.api(Channel::NaverBlog, account)?,
        };
        Ok(Arc::new(MetaWeblogClient::new(api, self.media.clone(), settings)))
    }

    /// What was allowed when it was handed over may not be any more.
    fn own_blog(&self, account: &Account, named: &str) -> Result<Api, Failure> {
        let allowed = &self.config.channels.naver_blog.blog_hosts;
        let url = endpoint(named, allowed);
        let url = url.map_err(|_refused| own_lacks(Channel::NaverBlog, Part::Endpoint))?;
        Ok(Api::new(self.http_for(&url).clone(), url, account.token()))
    }

    /// What calls an address that a tenant has named.
    fn http_for(&self, url: &Url) -> &HttpClient {
        if is_allowed(url, &self.config.channels.naver_blog.blog_hosts) {
            &self.http
        } else {
            &self.public
        }
    }

    fn instagram(&self, account: &Account, beside: &mut Beside) -> Result<Arc<dyn ChannelClient>, Failure> {
        let config = self.config.channels.get(Channel::Instagram);
        let mut settings = InstagramSettings::new(account.text(Part::AccountId));
        if let Some(version) = &config.api_version {
            settings.api_version.clone_from(version);
        }
        settings.image_fit = config.image_fit;
        settings.poll_interval = Duration::from_millis(config.poll_interval_ms);
        settings.settle = Duration::from_millis(config.settle_ms);
        settings.second_look = Duration::from_millis(config.second_look_ms);
        let (base_url, token) = (base_url(Channel::Instagram, config)?, Token::from(account.token()));
        let api = Api::new(self.http.clone(), base_url, token.clone());
        let tokens = InstagramTokens::new(api.clone(), &settings.api_version);
        beside.tokens = Some((token, tokens));
        Ok(Arc::new(InstagramClient::new(
            api,
            self.media.clone(),
            self.links.clone(),
            settings,
        )))
    }

    fn kakao_channel(&self, account: &Account) -> Result<Arc<dyn ChannelClient>, Failure> {
        let (channel, config) = (Channel::KakaoChannel, &self.config.channels.kakao_channel);
        let lists = RecipientLists::configured(&self.config).ok().flatten();
        let right = "without it no list of recipients can be read";
        let lists = lists.ok_or_else(|| lacks_setting(channel, "recipients_key", right))?;
        let [app_key, sender_key, sender_name, unsubscribe_number] =
            [Part::AppKey, Part::SenderKey, Part::SenderName, Part::UnsubscribeNumber].map(|key| account.text(key));
        let mut settings = KakaoSettings::new(app_key, sender_key, sender_name, unsubscribe_number);
        settings.label = config.ad_label.unwrap_or(true);
        settings.image_fit = config.image_fit;
        let list = Some(account.text(Part::RecipientList)).filter(|list| !list.is_empty());
        settings.recipient_list = list.map(str::to_owned);
        settings.poll_interval = Duration::from_millis(config.poll_interval_ms);
        settings.patience = settings.poll_interval * RESULT_LOOKS;
        settings.settle = Duration::from_millis(config.settle_ms);
        settings.second_look = Duration::from_millis(config.second_look_ms);
        Ok(Arc::new(KakaoChannelClient::new(
            self.api(channel, account)?,
            self.media.clone(),
            Arc::new(lists),
            settings,
        )))
    }
}

/// What is put around Kakao Channel's messages that are sent as this account; nothing
/// where a company's own gateway does what the law wants, or where it is missing.
pub(crate) fn kakao_frame(config: &ChannelConfig, account: &Account) -> Option<Frame> {
    let own = config.protocol == ChannelProtocol::Own;
    let [sender, opt_out] = [Part::SenderName, Part::UnsubscribeNumber].map(|key| account.shown(key));
    Some(Frame {
        label: config.ad_label.unwrap_or(true),
        sender: sender.filter(|_| own)?,
        opt_out: opt_out?,
    })
}

/// Where a channel's API is.
fn base_url(channel: Channel, config: &ChannelConfig) -> Result<Url, Failure> {
    let own = match (channel, config.protocol) {
        (Channel::Instagram, ChannelProtocol::Own) => Some(INSTAGRAM),
        (Channel::KakaoChannel, ChannelProtocol::Own) => Some(BASE_URL),
        _ => None,
    };
    let base_url = config.base_url.as_deref().or(own);
    let Some(base) = base_url.and_then(|text| Url::parse(text).ok()) else {
        return Err(lacks(channel, "base_url", "it must say where the API is"));
    };
    if base.scheme() == "http" && !is_loopback(&base) && !config.allow_plain_http {
        let right = "it sends the token unencrypted; use https://, or set allow_plain_http = true";
        return Err(lacks(channel, "base_url", right));
    }
    Ok(base)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAKAO: &str = "app_key = \"a\"\nsender_key = \"s\"\nsender_name = \"봄 빵집\"\n";
    const KEY: &str = "0123456789abcdef0123456789abcdef";

    /// What is said of `channels.<table>` with these lines.
    fn problem(table: &str, lines: &str) -> Option<String> {
        let config = format!("hand_off.key = \"{KEY}\"\n[channels.{table}]\nmode = \"live\"\n{lines}");
        let config: Config = toml::from_str(&config).unwrap();
        let connections = connect(&config, config.listen).unwrap().connections;
        connections.into_iter().find_map(|connection| match connection {
            Connection::Unusable(why) => Some(why.detail.en),
            Connection::Mock | Connection::Live(_) => None,
        })
    }

    #[test]
    fn what_is_missing_is_named_by_key_and_variable() {
        let token = "access_token = \"t\"";
        for (table, lines, words) in [
            ("wooridongne_tv", token.to_owned(), "channels.wooridongne_tv.base_url"),
            (
                "wooridongne_tv",
                "base_url = \"https://a.example\"".to_owned(),
                "FANFARE_CHANNELS__WOORIDONGNE_TV__ACCESS_TOKEN",
            ),
            (
                "wooridongne_tv",
                format!("base_url = \"http://a.example\"\n{token}"),
                "https://",
            ),
            ("instagram", token.to_owned(), "account_id"),
            ("instagram", format!("account_id = \"a/b\"\n{token}"), "account_id"),
            (
                "instagram",
                "account_id = \"1\"\naccess_token = \" \"".to_owned(),
                "access_token",
            ),
            (
                "genie_tv",
                format!("product_id = \"p\"\n{token}"),
                "channels.genie_tv.account_id",
            ),
            (
                "genie_tv",
                format!("account_id = \"../x\"\nproduct_id = \"p\"\n{token}"),
                "account_id",
            ),
            (
                "genie_tv",
                format!("account_id = \"a\"\n{token}"),
                "FANFARE_CHANNELS__GENIE_TV__PRODUCT_ID",
            ),
            (
                "genie_tv",
                format!("account_id = \"a\"\nproduct_id = \"p\"\n{token}"),
                "base_url",
            ),
            (
                "ringo_biz",
                format!("base_url = \"https://a.example\"\n{token}"),
                "channels.ringo_biz.verified_numbers",
            ),
            // Whoever speaks for it, the line must be one that was verified.
            (
                "ringo_biz",
                format!("protocol = \"gateway\"\nbase_url = \"https://a.example\"\n{token}"),
                "verified_numbers",
            ),
            (
                "ringo_biz",
                "base_url = \"https://a.example\"\nverified_numbers = { default = [\"02-555-0134\"] }".to_owned(),
                "access_token",
            ),
            ("instagram", "protocol = \"metaweblog\"".to_owned(), "only NaverBlog"),
            (
                "naver_blog",
                format!("protocol = \"metaweblog\"\n{token}"),
                "account_id",
            ),
            (
                "naver_blog",
                format!("protocol = \"metaweblog\"\naccount_id = \"u\"\n{token}"),
                "base_url",
            ),
        ] {
            let problem = problem(table, &lines).unwrap_or_default();
            assert!(problem.contains(words), "{table} {lines}: {problem}");
        }
    }

    #[test]
    fn what_kakao_channel_lacks_is_named() {
        let token = "access_token = \"t\"";
        for (lines, words) in [
            (token.to_owned(), "channels.kakao_channel.app_key"),
            (format!("app_key = \"../a\"\n{token}"), "app_key"),
            (format!("app_key = \"a\"\n{token}"), "sender_key"),
            (format!("app_key = \"a\"\nsender_key = \"s\"\n{token}"), "sender_name"),
            (format!("{KAKAO}unsubscribe_number = \"02-555-0100\"\n{token}"), "080"),
            (
                format!("{KAKAO}unsubscribe_number = \"080-555-0100\"\n{token}"),
                "but recipients_key (FANFARE_RECIPIENTS_KEY) is missing",
            ),
        ] {
            let problem = problem("kakao_channel", &lines).unwrap_or_default();
            assert!(problem.contains(words), "{lines}: {problem}");
        }
    }

    #[test]
    fn what_hand_off_lacks_is_named_by_its_own_key() {
        let naver = "[channels.naver_blog]\nmode = \"live\"";
        for (lines, words) in [
            (
                "database_url = \"postgres://a@b/c\"".to_owned(),
                "but hand_off.key (FANFARE_HAND_OFF__KEY) is missing",
            ),
            (
                format!("public_url = \"fanfare.example\"\nhand_off.key = \"{KEY}\""),
                "but public_url (FANFARE_PUBLIC_URL) is missing",
            ),
        ] {
            let config: Config = toml::from_str(&format!("{lines}\n{naver}")).unwrap();
            let connections = connect(&config, config.listen).unwrap().connections;
            let Connection::Unusable(why) = &connections[Channel::NaverBlog.index()] else {
                panic!("{lines}: it is usable");
            };
            assert!(why.detail.en.contains(words), "{lines}: {}", why.detail.en);
        }
    }

    #[test]
    fn kakao_channel_needs_a_key_for_its_lists() {
        let config = format!(
            "recipients_key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n[channels.kakao_channel]\n\
             mode = \"live\"\naccess_token = \"t\"\n{KAKAO}unsubscribe_number = \"080-555-0100\""
        );
        let config: Config = toml::from_str(&config).unwrap();
        let connections = connect(&config, config.listen).unwrap().connections;
        let connection = &connections[Channel::KakaoChannel.index()];
        assert!(matches!(connection, Connection::Live(_)), "{connection:?}");
    }

    #[test]
    fn what_fitted_pictures_lack_is_named_by_its_own_key() {
        let links = |lines: &str| {
            let config: Config = toml::from_str(lines).unwrap();
            media_links(&config, config.listen).map_err(|why| why.detail)
        };
        let beside = "[channels.instagram]\nbase_url = \"http://127.0.0.1:9\"";
        assert!(links(beside).is_ok());
        let public = "public_url = \"https://a.example\"\n";
        assert!(links(public).is_ok());
        let missing = links("").unwrap_err();
        for text in [missing.en, missing.ko] {
            assert!(text.contains("public_url (FANFARE_PUBLIC_URL)"), "{text}");
        }
        let shared = format!("{public}database_url = \"postgres://a@b/c\"\n");
        let missing = links(&shared).unwrap_err();
        assert!(missing.ko.contains("media.dir (FANFARE_MEDIA__DIR)"), "{missing:?}");
        assert!(links(&format!("{shared}media.dir = \"/srv\"")).is_ok());
    }

    /// A name in a public zone may lead inside: by its look no address shows it.
    #[test]
    fn a_tenant_s_blog_is_called_on_the_public_internet_alone() {
        let lines = "[channels.naver_blog]\nblog_hosts = [\"blogs.internal:8443\"]";
        let clients = Clients::new(&toml::from_str(lines).unwrap(), SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        for (url, inside) in [
            ("https://blogs.internal:8443/xmlrpc.php", true),
            ("https://blogs.internal/xmlrpc.php", false),
            ("https://shop.example.com/xmlrpc.php", false),
        ] {
            let called_by = std::ptr::from_ref(clients.http_for(&Url::parse(url).unwrap()));
            assert_eq!(std::ptr::eq(called_by, &raw const clients.http), inside, "{url}");
            assert_eq!(std::ptr::eq(called_by, &raw const clients.public), !inside, "{url}");
        }
    }

    #[test]
    fn what_is_whole_is_live() {
        let token = "access_token = \"t\"";
        for (table, lines) in [
            ("wooridongne_tv", "base_url = \"http://127.0.0.1:9\""),
            (
                "wooridongne_tv",
                "base_url = \"http://a.example\"\nallow_plain_http = true",
            ),
            ("instagram", "account_id = \"1\""),
            (
                "genie_tv",
                "account_id = \"acc-1\"\nproduct_id = \"prime\"\nbase_url = \"https://a.example\"",
            ),
            (
                "ringo_biz",
                "verified_numbers = { default = [\"02-555-0134\"] }\nbase_url = \"https://a.example\"",
            ),
            ("naver_blog", ""),
            (
                "naver_blog",
                "protocol = \"metaweblog\"\naccount_id = \"u\"\nbase_url = \"https://a.example/xmlrpc.php\"",
            ),
            ("naver_blog", "protocol = \"gateway\"\nbase_url = \"https://a.example\""),
        ] {
            assert_eq!(problem(table, &format!("{lines}\n{token}")), None, "{table}");
        }
    }
}
