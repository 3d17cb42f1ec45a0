//! What the service is told at start: one TOML file and variables that
//! override it. Every key stands, with unit and default, in
//! `fanfare.example.toml`; a test holds the two together.
//!
//! Reading and merging is in `load.rs`, what may stand there in `check.rs`.
//! Nothing is read after the start.

mod auth;
mod breaker;
mod channel;
mod check;
mod database;
mod hand_off;
mod kafka;
mod load;
mod notices;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use fanfare_channels::media::OnChange;
use fanfare_channels::secret::Secret;
use fanfare_core::attempt::Protocol;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::engine::Settings;
use fanfare_core::resilience::retry::RetryPolicy;
use fanfare_core::spend::SpendCaps;
use serde::{Deserialize, Serialize, Serializer};

pub use self::auth::{Auth, AuthRequired};
pub use self::breaker::Breaker;
pub use self::channel::{ChannelConfig, ChannelProtocol, SpendCapConfig};
pub use self::database::{Database, Retention};
pub use self::hand_off::HandOff;
pub use self::kafka::{Kafka, SaslMechanism, SecurityProtocol};
pub use self::load::{ConfigError, Origin, load};
pub use self::notices::{EndpointKind, NoticeEndpoint, NoticeLanguage};

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `FANFARE_LISTEN`: where the HTTP door is.
    pub listen: SocketAddr,
    /// `FANFARE_PUBLIC_URL`: where people reach this service, for the links that
    /// they are given; `http://` and `listen` where it is absent, which is refused
    /// where links are given and `listen` is every address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// `FANFARE_DATA_DIR`: where the embedded database lies; made if missing.
    pub data_dir: PathBuf,
    /// `FANFARE_DATABASE_URL`: the `PostgreSQL` that nodes share, in place of
    /// the embedded database. Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub database_url: Option<Secret>,
    /// `FANFARE_REDIS_URL`: where statuses are cached for several services;
    /// without it in this process, or not at all. Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub redis_url: Option<Secret>,
    /// `FANFARE_RECIPIENTS_KEY`: what the lists of recipients are sealed with, 32
    /// bytes in base64. Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub recipients_key: Option<Secret>,
    /// `FANFARE_CREDENTIALS_KEY`: what credentials that change are sealed with in the
    /// database, 32 bytes in base64; further keys after commas only open. Without it
    /// one that is made in `data_dir`, or nothing is kept where nodes share a
    /// database. Shown as stars.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_stars")]
    pub credentials_key: Option<Secret>,
    /// That database.
    pub database: Database,
    /// How long things are kept.
    pub retention: Retention,
    /// `FANFARE_KAFKA_BROKERS`: where Kafka is, `host:port` with commas between;
    /// absent, events stay in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_brokers: Option<String>,
    /// The HTTP door.
    pub http: Http,
    /// API keys.
    pub auth: Auth,
    /// The engine.
    pub engine: Engine,
    /// When a channel is left alone for a while.
    pub breaker: Breaker,
    /// Calls to channels.
    pub calls: Calls,
    /// Nodes that share a database.
    pub nodes: Nodes,
    /// The database's writer.
    pub ledger: Ledger,
    /// The status cache.
    pub status_cache: StatusCache,
    /// Kafka.
    pub kafka: Kafka,
    /// Media that users name.
    pub media: Media,
    /// Posts that a person puts on their blog.
    pub hand_off: HandOff,
    /// Who is told what goes wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeEndpoint>,
    /// The channels.
    pub channels: Channels,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            data_dir: PathBuf::from("fanfare-data"),
            database_url: None,
            redis_url: None,
            recipients_key: None,
            credentials_key: None,
            database: Database::default(),
            retention: Retention::default(),
            kafka_brokers: None,
            http: Http::default(),
            auth: Auth::default(),
            engine: Engine::default(),
            breaker: Breaker::default(),
            calls: Calls::default(),
            nodes: Nodes::default(),
            ledger: Ledger::default(),
            status_cache: StatusCache::default(),
            kafka: Kafka::default(),
            media: Media::default(),
            hand_off: HandOff::default(),
            notices: Vec::new(),
            channels: Channels::default(),
        }
    }
}

/// The HTTP door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Requests that wait for channels at once; the other connections are kept for what
    /// is answered at once. Half of `max_connections` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_waiting: Option<usize>,
    /// From a connection's beginning, or the last answer on it, to the end of the
    /// next request's headers, in milliseconds; idle connections are closed after it too.
    pub header_timeout_ms: u64,
    /// From the end of the headers to the end of the body, in milliseconds.
    pub body_timeout_ms: u64,
    /// A body's largest size, in bytes.
    pub max_body_bytes: usize,
    /// How long `distribute` waits for the channels unless `Prefer: wait` says
    /// otherwise, in seconds.
    pub default_wait_s: u64,
    /// How long a stop waits for what moves, in seconds.
    pub stop_timeout_s: u64,
    /// Event streams at once.
    pub max_streams: usize,
    /// Between two signs of life on an event stream, in milliseconds.
    pub heartbeat_ms: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            max_connections: 1_024,
            max_waiting: None,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            max_body_bytes: 1_500_000,
            default_wait_s: 30,
            stop_timeout_s: 25,
            max_streams: 256,
            heartbeat_ms: 15_000,
        }
    }
}

impl Http {
    /// Requests that wait for channels at once.
    pub fn waiting(&self) -> usize {
        self.max_waiting.unwrap_or(self.max_connections / 2).max(1)
    }
}

/// The engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// Distributions in memory; beyond it the door says 429.
    pub max_in_flight: usize,
    /// How long what is accepted may wait for a place in a channel's lane, in seconds;
    /// beyond it the door takes nothing more for that channel.
    pub max_backlog_s: u64,
    /// Attempts of a delivery, the first one included.
    pub max_attempts: u32,
    /// The ceiling of the first backoff, in milliseconds.
    pub initial_interval_ms: u64,
    /// The ceiling of every backoff, in seconds.
    pub max_interval_s: u64,
    /// How long a delivery is tried, in hours.
    pub max_age_h: u64,
    /// Look-ups of an unknown outcome before a person is asked.
    pub max_look_ups: u32,
}

impl Default for Engine {
    fn default() -> Self {
        let retry = RetryPolicy::default();
        Self {
            max_in_flight: 20_000,
            max_backlog_s: 15,
            max_attempts: retry.max_attempts,
            initial_interval_ms: 1_000,
            max_interval_s: retry.max_interval.as_secs(),
            max_age_h: retry.max_age.as_secs() / 3_600,
            max_look_ups: 20,
        }
    }
}

/// Calls to channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// A call is over after so many milliseconds, one way or another.
    pub deadline_ms: u64,
    /// For name, connection and TLS of it, in milliseconds.
    pub connect_timeout_ms: u64,
    /// A call that only polls is given up earlier where the channel was quick so
    /// far, after no less than so many milliseconds.
    pub adaptive_timeout_min_ms: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            deadline_ms: 10_000,
            connect_timeout_ms: 3_000,
            adaptive_timeout_min_ms: 3_000,
        }
    }
}

/// Nodes that share a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nodes {
    /// Between two signs of life of a node, in milliseconds.
    pub heartbeat_ms: u64,
    /// A node that has given none for so many seconds is taken for dead, and
    /// others take its work; at least a call's deadline and 15 s.
    pub lease_s: u64,
}

impl Default for Nodes {
    fn default() -> Self {
        Self {
            heartbeat_ms: 5_000,
            lease_s: 30,
        }
    }
}

/// The database's writer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// Slows every commit down by so many milliseconds; for measuring only.
    pub commit_delay_ms: u64,
}

/// The status cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusCache {
    /// Events whose status is kept.
    pub max_entries: u64,
    /// How long, in seconds.
    pub ttl_s: u64,
}

impl Default for StatusCache {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            ttl_s: 3_600,
        }
    }
}

/// Media that users name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Hosts (`host` or `host:port`) that may be named although they are local
    /// or private: the company's own storage.
    pub allow_hosts: Vec<String>,
    /// What is done with a file that is not the one that another channel of the
    /// distribution was given.
    pub on_change: OnChange,
    /// Where pictures lie that were made to fit, until channels have fetched them;
    /// `media` in `data_dir` without it. Nodes must share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

/// The channels, each in a table of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channels {
    /// 우리동네TV.
    pub wooridongne_tv: ChannelConfig,
    /// 링고비즈.
    pub ringo_biz: ChannelConfig,
    /// 지니TV.
    pub genie_tv: ChannelConfig,
    /// Instagram.
    pub instagram: ChannelConfig,
    /// Naver Blog.
    pub naver_blog: ChannelConfig,
    /// Kakao Channel.
    pub kakao_channel: ChannelConfig,
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn as_stars<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret
        .as_ref()
        .map(|secret| format!("{secret:?}"))
        .serialize(serializer)
}

impl Channels {
    /// One channel's.
    pub fn get(&self, channel: Channel) -> &ChannelConfig {
        match channel {
            Channel::WooridongneTV => &self.wooridongne_tv,
            Channel::RingoBiz => &self.ringo_biz,
            Channel::GenieTV => &self.genie_tv,
            Channel::Instagram => &self.instagram,
            Channel::NaverBlog => &self.naver_blog,
            Channel::KakaoChannel => &self.kakao_channel,
        }
    }
}

impl Channels {
    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, channel: Channel) -> &mut ChannelConfig {
        match channel {
            Channel::WooridongneTV => &mut self.wooridongne_tv,
            Channel::RingoBiz => &mut self.ringo_biz,
            Channel::GenieTV => &mut self.genie_tv,
            Channel::Instagram => &mut self.instagram,
            Channel::NaverBlog => &mut self.naver_blog,
            Channel::KakaoChannel => &mut self.kakao_channel,
        }
    }
}

impl Config {
    /// How each channel is called, by [`Channel::index`].
    pub fn modes(&self) -> [Mode; Channel::ALL.len()] {
        Channel::ALL.map(|channel| self.channels.get(channel).mode)
    }

    /// Host and port of each channel's API, by [`Channel::index`].
    pub fn post_hosts(&self) -> [Vec<String>; Channel::ALL.len()] {
        Channel::ALL.map(|channel| {
            let base_url = self.channels.get(channel).base_url.as_deref();
            let url = base_url.and_then(|text| text.parse::<Uri>().ok());
            url.and_then(|url| Some(url.authority()?.to_string()))
                .into_iter()
                .collect()
        })
    }

    /// How much tenants may spend.
    pub fn spend_caps(&self) -> SpendCaps {
        let caps = Channel::ALL.into_iter().flat_map(|channel| {
            let caps = self.channels.get(channel).spend_caps.iter();
            caps.map(move |(tenant, cap)| (channel, tenant.clone(), cap.cap()))
        });
        SpendCaps::new(caps)
    }

    /// What the engine is told; `protocols` are those of the channels' clients.
    pub fn engine_settings(&self, protocols: [Protocol; Channel::ALL.len()]) -> Settings {
        let retry = RetryPolicy {
            max_attempts: self.engine.max_attempts,
            initial_interval: Duration::from_millis(self.engine.initial_interval_ms),
            max_interval: Duration::from_secs(self.engine.max_interval_s),
            max_age: Duration::from_secs(self.engine.max_age_h * 3_600),
            ..RetryPolicy::default()
        };
        Settings {
            channels: Channel::ALL.map(|channel| self.channels.get(channel).settings(protocols[channel.index()])),
            retry,
            // A look-up spends no attempt: its own count is there to end it.
            look_up: RetryPolicy {
                max_attempts: self.engine.max_look_ups,
                max_age: Duration::from_hours(1),
                ..retry
            },
            // A quarter more: the clock may run faster than time while it
            // follows a jump.
            call_deadline: Duration::from_millis(self.calls.deadline_ms + self.calls.deadline_ms / 4),
            breaker: self.breaker.settings(Duration::from_millis(self.calls.deadline_ms)),
            heartbeat: Duration::from_millis(self.nodes.heartbeat_ms),
            max_in_flight: self.engine.max_in_flight,
            max_backlog: Duration::from_secs(self.engine.max_backlog_s),
            spend_caps: self.spend_caps(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use toml::{Table, Value};

    use super::*;

    const EXAMPLE: &str = include_str!("../../../../fanfare.example.toml");

    fn keys(table: &Table, below: &str, found: &mut BTreeSet<String>) {
        for (key, value) in table {
            let key = format!("{below}{key}");
            match value {
                Value::Table(table) => keys(table, &format!("{key}."), found),
                _ => _ = found.insert(key),
            }
        }
    }

    #[test]
    fn the_example_holds_every_key_with_its_default() {
        assert_eq!(toml::from_str::<Config>(EXAMPLE).unwrap(), Config::default());
        let (mut shown, mut known) = (BTreeSet::new(), BTreeSet::new());
        keys(&toml::from_str(EXAMPLE).unwrap(), "", &mut shown);
        keys(&Table::try_from(Config::default()).unwrap(), "", &mut known);
        assert_eq!(shown, known);
        for without_default in [
            "database_url",
            "redis_url",
            "base_url",
            "access_token",
            "account_id",
            "api_version",
            "hashtags_max",
            "product_id",
            "verified_numbers",
            "spend_caps",
            "slow_call_duration_threshold_ms",
            "app_key",
            "sender_key",
            "sender_name",
            "unsubscribe_number",
            "ad_label",
            "recipient_list",
            "recipient_lists",
            "frequency_cap",
            "webhook_signature",
            "probe_video",
            "recipients_key",
            "credentials_key",
            "post_url",
            "blog_hosts",
            "public_url",
            "key",
            "kafka_brokers",
            "sasl_mechanism",
            "sasl_username",
            "sasl_password",
            "ca_file",
            "headers",
            "name",
            "kind",
            "url",
            "secret",
            "secret_file",
            "from",
            "to",
            "language",
            "events",
            "tenant",
            "allow_inside",
        ] {
            assert!(
                EXAMPLE.contains(&format!("\n# {without_default} = ")),
                "{without_default}"
            );
        }
    }

    /// Also what stands there as a comment is taken, in the table where it stands.
    #[test]
    fn every_line_of_the_example_may_be_used() {
        let word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let setting = |line: &str| line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| word(key));
        let used = EXAMPLE.lines().map(|line| match line.strip_prefix("# ") {
            Some(comment) if setting(comment) => comment,
            _ => line,
        });
        let used: String = used.flat_map(|line| [line, "\n"]).collect();
        let config: Config = toml::from_str(&used).unwrap();
        assert!(config.kafka_brokers.is_some() && config.kafka.sasl_password.is_some());
        assert!(config.hand_off.key.is_some() && config.channels.kakao_channel.recipient_lists.is_some());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let file = "recipients_key = \"canary\"\ncredentials_key = \"canary\"\nredis_url = \"redis://:canary@cache\"\ndatabase_url = \"postgres://a:canary@b/c\"\n\
                    [kafka]\nsasl_password = \"canary\"\n[hand_off]\nkey = \"canary\"\n\
                    [[notices]]\nname = \"ops\"\nkind = \"slack\"\nurl = \"https://a/canary\"\nsecret = \"canary\"\n[channels.instagram]\naccess_token = \"canary\"";
        let config: Config = toml::from_str(file).unwrap();
        assert!(!toml::to_string(&config).unwrap().contains("canary"));
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn what_config_check_prints_is_read_back_the_same() {
        let mut config = Config::default();
        config.media.allow_hosts = vec!["minio:9000".to_owned()];
        config.channels.naver_blog.base_url = Some("https://gateway.example".to_owned());
        let toml = toml::to_string_pretty(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&toml).unwrap(), config, "{toml}");
    }
}
