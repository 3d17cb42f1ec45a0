//! What the types of the configuration cannot say: ranges, and the form of
//! hosts and addresses.

use axum::http::Uri;
use axum::http::uri::Authority;
use fanfare_channels::naver_blog::ticket::KEY_LEAST;
use fanfare_channels::secret::Secret;
use fanfare_core::channel::{Channel, Mode};
use fanfare_core::validate::instagram::{HASHTAGS_API_MAX, HashtagsMax};
use fanfare_core::verified::VerifiedNumbers;
use url::Url;

use super::{Breaker, ChannelConfig, ChannelProtocol, Config, database, kafka, notices};
use crate::credentials::envelope::KeyRing;
use crate::recipients::RecipientLists;

/// A lease is longer than a call's deadline by this.
const LEASE_MARGIN_MS: u64 = 15_000;

/// A value that is refused.
pub(super) struct Wrong {
    /// Its key, with dots.
    pub(super) key: String,
    /// Key and value, and what would be right.
    pub(super) message: String,
}

impl Wrong {
    pub(super) fn new(key: &str, value: impl std::fmt::Display, right: &str) -> Self {
        Self {
            key: key.to_owned(),
            message: format!("{key} = {value} is refused: {right}"),
        }
    }
}

/// Finds the first value that is wrong.
pub(super) fn check(config: &Config) -> Result<(), Wrong> {
    for channel in Channel::ALL {
        check_channel(config, channel)?;
    }
    if config.data_dir.as_os_str().is_empty() {
        return Err(Wrong::new("data_dir", "\"\"", "it must name a directory"));
    }
    if config.redis_url.as_ref().is_some_and(|url| !is_redis_url(url.reveal())) {
        let right = "it must be redis://host:port or rediss://user:password@host:port, with special characters of \
                     user and password percent-encoded";
        return Err(Wrong::new("redis_url", "***", right));
    }
    if let Err(error) = RecipientLists::configured(config) {
        return Err(Wrong::new("recipients_key", "***", &error.to_string()));
    }
    if let Some(Err(error)) = config.credentials_key.as_ref().map(KeyRing::read) {
        let right = format!("{error}: each key is 32 random bytes in base64, such as `openssl rand -base64 32` gives");
        return Err(Wrong::new("credentials_key", "***", &right));
    }
    if let Some(public_url) = config.public_url.as_ref().filter(|url| !is_base_url(url)) {
        let right = "it must be an absolute http or https URL, such as \"https://fanfare.example\"";
        return Err(Wrong::new("public_url", format_args!("{public_url:?}"), right));
    }
    check_links(config)?;
    if config
        .hand_off
        .key
        .as_ref()
        .is_some_and(|key| key.reveal().len() < KEY_LEAST)
    {
        let right = format!("it must have at least {KEY_LEAST} characters, and nobody must be able to guess it");
        return Err(Wrong::new("hand_off.key", "***", &right));
    }
    for host in &config.media.allow_hosts {
        if !is_host(host) {
            let right = "each must be a host or host:port, such as \"minio\" or \"10.0.0.5:9000\", without http://";
            return Err(Wrong::new("media.allow_hosts", format_args!("[… {host:?} …]"), right));
        }
    }
    database::check(config)?;
    kafka::check(config)?;
    notices::check(config)?;
    let all = ranges(config).into_iter().chain(ranges_of_breaker(&config.breaker));
    all.into_iter().try_for_each(check_range)?;
    check_waiting(config)?;
    check_slow_call(config)?;
    check_lease(config)
}

/// The links to hand-off pages must lead somewhere.
fn check_links(config: &Config) -> Result<(), Wrong> {
    let naver_blog = &config.channels.naver_blog;
    let hands_off = (naver_blog.mode, naver_blog.protocol) == (Mode::Live, ChannelProtocol::Own);
    if hands_off && config.public_url.is_none() && config.listen.ip().is_unspecified() {
        let message = format!(
            "public_url is missing: Naver Blog's posts are handed to people by links to this service, and at listen = \
             {:?} no link leads; set public_url (FANFARE_PUBLIC_URL) to where people reach this service, such as \
             \"https://fanfare.example\"",
            config.listen.to_string()
        );
        let key = "public_url".to_owned();
        return Err(Wrong { key, message });
    }
    Ok(())
}

/// Some connections are kept for what is answered at once.
fn check_waiting(config: &Config) -> Result<(), Wrong> {
    let connections = config.http.max_connections;
    match config.http.max_waiting {
        Some(waiting) if waiting == 0 || waiting.saturating_add(waiting.div_ceil(4)) >= connections => {
            let right = format!(
                "it must be 1 or more, and with a quarter more still less than http.max_connections ({connections})"
            );
            Err(Wrong::new("http.max_waiting", waiting, &right))
        }
        _ => Ok(()),
    }
}

/// A call that is over by its deadline is never slow after it.
fn check_slow_call(config: &Config) -> Result<(), Wrong> {
    let deadline = config.calls.deadline_ms;
    match config.breaker.slow_call_duration_threshold_ms {
        Some(slow) if !(1..deadline).contains(&slow) => {
            let right = format!("it must be 1 or more, and less than calls.deadline_ms ({deadline} ms)");
            Err(Wrong::new("breaker.slow_call_duration_threshold_ms", slow, &right))
        }
        _ => Ok(()),
    }
}

/// Who is taken for dead must surely have ended its calls.
fn check_lease(config: &Config) -> Result<(), Wrong> {
    let (nodes, deadline) = (&config.nodes, config.calls.deadline_ms);
    if nodes.lease_s * 1_000 < deadline + LEASE_MARGIN_MS {
        let right = format!("it must be at least calls.deadline_ms ({deadline} ms) and 15 s");
        return Err(Wrong::new("nodes.lease_s", nodes.lease_s, &right));
    }
    if nodes.heartbeat_ms * 3 > nodes.lease_s * 1_000 {
        let right = "it must be at most a third of nodes.lease_s, so that one lost sign of life does no harm";
        return Err(Wrong::new("nodes.heartbeat_ms", nodes.heartbeat_ms, right));
    }
    Ok(())
}

fn check_channel(config: &Config, channel: Channel) -> Result<(), Wrong> {
    let key = |field| format!("channels.{}.{field}", channel.config_name().to_lowercase());
    let settings = config.channels.get(channel);
    if let Some(base_url) = settings.base_url.as_ref().filter(|url| !is_base_url(url)) {
        let right = "it must be an absolute http or https URL, such as \"https://gateway.example\"";
        return Err(Wrong::new(&key("base_url"), format_args!("{base_url:?}"), right));
    }
    let by_tenant = settings.verified_numbers.iter();
    let mut lines =
        by_tenant.flat_map(|(tenant, lines)| lines.iter().map(move |line| (tenant.as_str(), line.as_str())));
    if let Some(bad) = lines.find_map(|line| VerifiedNumbers::new([line]).err()) {
        let right = "each must be a Korean telephone number, such as \"02-555-0134\" or \"+8225550134\"";
        return Err(Wrong::new(
            &key("verified_numbers"),
            format_args!("… {:?} …", bad.number),
            right,
        ));
    }
    check_spend_caps(&key("spend_caps"), channel, settings)?;
    check_frequency_cap(&key("frequency_cap"), channel, settings)?;
    check_webhook_signature(&key("webhook_signature"), channel, settings)?;
    check_probe_video(&key("probe_video"), channel, settings)?;
    check_hashtags_max(&key("hashtags_max"), channel, settings)?;
    let day = 86_400_000;
    check_range((&key("concurrency"), settings.concurrency as u64, 1, u64::MAX))?;
    let limit = settings.limit_for_period.unwrap_or(1);
    check_range((&key("limit_for_period"), limit.into(), 1, u64::MAX))?;
    check_range((
        &key("limit_refresh_period_s"),
        settings.limit_refresh_period_s,
        1,
        86_400,
    ))?;
    check_range((&key("poll_interval_ms"), settings.poll_interval_ms, 1, day))?;
    check_range((&key("settle_ms"), settings.settle_ms, 0, day))?;
    check_range((&key("second_look_ms"), settings.second_look_ms, 0, day))
}

/// A cap that limits nothing would be taken for one.
fn check_spend_caps(key: &str, channel: Channel, settings: &ChannelConfig) -> Result<(), Wrong> {
    let Some((tenant, _)) = settings.spend_caps.first_key_value() else {
        return Ok(());
    };
    if !matches!(channel, Channel::WooridongneTV | Channel::GenieTV) {
        let right = "only wooridongne_tv and genie_tv have budgets; leave it out";
        return Err(Wrong::new(key, format_args!("{{ {tenant} = … }}"), right));
    }
    let empty = settings.spend_caps.iter().find(|(_, cap)| !cap.cap().limits());
    match empty {
        Some((tenant, _)) => {
            let right = "each must say per_event, per_month or both, in KRW";
            Err(Wrong::new(key, format_args!("{{ {tenant} = {{}} }}"), right))
        }
        None => Ok(()),
    }
}

/// Where nothing looks at films, nothing else may be believed.
fn check_probe_video(key: &str, channel: Channel, settings: &ChannelConfig) -> Result<(), Wrong> {
    let Some(probe) = settings.probe_video else {
        return Ok(());
    };
    let television = matches!(channel, Channel::WooridongneTV | Channel::GenieTV);
    if television && settings.protocol == ChannelProtocol::Own {
        return Ok(());
    }
    let right = "only wooridongne_tv and genie_tv with protocol \"own\" look at television's films; leave it out";
    Err(Wrong::new(key, probe, right))
}

/// Elsewhere it would be taken for a limit that is kept.
fn check_hashtags_max(key: &str, channel: Channel, settings: &ChannelConfig) -> Result<(), Wrong> {
    let Some(most) = settings.hashtags_max else {
        return Ok(());
    };
    if channel != Channel::Instagram {
        let right = "only instagram has a limit of hashtags; leave it out";
        return Err(Wrong::new(key, most, right));
    }
    if HashtagsMax::new(most).is_none() {
        let right = format!("it must be 1 to {HASHTAGS_API_MAX}, which is all that Instagram's API takes");
        return Err(Wrong::new(key, most, &right));
    }
    Ok(())
}

/// One that is not kept would be taken for one: only lists of ours tell who was sent what.
fn check_frequency_cap(key: &str, channel: Channel, settings: &ChannelConfig) -> Result<(), Wrong> {
    let Some(cap) = settings.frequency_cap else {
        return Ok(());
    };
    if channel != Channel::KakaoChannel || settings.protocol != ChannelProtocol::Own {
        let right = "only kakao_channel with protocol \"own\" has lists of recipients; leave it out";
        return Err(Wrong::new(
            key,
            format_args!("{{ messages = {} … }}", cap.messages),
            right,
        ));
    }
    check_range((&format!("{key}.messages"), cap.messages.into(), 1, 1_000))?;
    check_range((&format!("{key}.days"), cap.days.into(), 1, 366))
}

/// Who can guess it has the channel asked again and again.
fn check_webhook_signature(key: &str, channel: Channel, settings: &ChannelConfig) -> Result<(), Wrong> {
    let Some(signature) = settings.webhook_signature.as_ref().map(Secret::reveal) else {
        return Ok(());
    };
    if channel != Channel::KakaoChannel || settings.protocol != ChannelProtocol::Own {
        let right = "only NHN Cloud, which kakao_channel with protocol \"own\" calls, has such a webhook; leave it out";
        return Err(Wrong::new(key, "***", right));
    }
    if signature.len() < SIGNATURE_LEAST || !signature.bytes().all(|byte| byte.is_ascii_graphic()) {
        let right = format!(
            "it must have at least {SIGNATURE_LEAST} visible ASCII characters, without blanks, and nobody must be able to guess it"
        );
        return Err(Wrong::new(key, "***", &right));
    }
    Ok(())
}

/// Characters of a webhook's signature.
const SIGNATURE_LEAST: usize = 16;

/// A key, its value, the least and the most that it may be.
type Range<'k> = (&'k str, u64, u64, u64);

/// The same figures stand in `fanfare.example.toml`. The upper bounds keep a
/// slip of the keyboard from looking like a service that hangs.
fn ranges(config: &Config) -> [Range<'static>; 30] {
    let (http, engine, calls, cache) = (&config.http, &config.engine, &config.calls, &config.status_cache);
    let database = &config.database;
    [
        ("http.max_connections", http.max_connections as u64, 1, 1_000_000),
        ("http.header_timeout_ms", http.header_timeout_ms, 1, u64::MAX),
        ("http.body_timeout_ms", http.body_timeout_ms, 1, u64::MAX),
        ("http.max_body_bytes", http.max_body_bytes as u64, 1, u64::MAX),
        ("http.default_wait_s", http.default_wait_s, 0, 60),
        ("http.stop_timeout_s", http.stop_timeout_s, 1, 3_600),
        ("http.max_streams", http.max_streams as u64, 0, 1_000_000),
        ("http.heartbeat_ms", http.heartbeat_ms, 1, 600_000),
        ("engine.max_in_flight", engine.max_in_flight as u64, 1, u64::MAX),
        ("engine.max_backlog_s", engine.max_backlog_s, 1, 3_600),
        ("engine.max_attempts", u64::from(engine.max_attempts), 1, u64::MAX),
        ("engine.initial_interval_ms", engine.initial_interval_ms, 0, 86_400_000),
        ("engine.max_interval_s", engine.max_interval_s, 1, 86_400),
        ("engine.max_age_h", engine.max_age_h, 1, 8_760),
        ("engine.max_look_ups", u64::from(engine.max_look_ups), 1, u64::MAX),
        ("calls.deadline_ms", calls.deadline_ms, 1, 600_000),
        ("calls.connect_timeout_ms", calls.connect_timeout_ms, 1, 600_000),
        (
            "calls.adaptive_timeout_min_ms",
            calls.adaptive_timeout_min_ms,
            1,
            600_000,
        ),
        ("database.writers", database.writers as u64, 1, 64),
        ("database.readers", database.readers as u64, 1, 256),
        ("database.connect_timeout_ms", database.connect_timeout_ms, 1, 60_000),
        (
            "database.statement_timeout_ms",
            database.statement_timeout_ms,
            100,
            600_000,
        ),
        ("hand_off.valid_days", config.hand_off.valid_days.into(), 1, 365),
        ("retention.days", config.retention.days.into(), 0, 36_500),
        ("nodes.heartbeat_ms", config.nodes.heartbeat_ms, 10, 600_000),
        ("nodes.lease_s", config.nodes.lease_s, 1, 3_600),
        ("ledger.commit_delay_ms", config.ledger.commit_delay_ms, 0, 10_000),
        (
            "kafka.message_timeout_ms",
            config.kafka.message_timeout_ms,
            1_000,
            600_000,
        ),
        ("status_cache.max_entries", cache.max_entries, 1, u64::MAX),
        ("status_cache.ttl_s", cache.ttl_s, 1, 31_536_000),
    ]
}

fn ranges_of_breaker(breaker: &Breaker) -> [Range<'static>; 7] {
    let (failures, calls) = (breaker.consecutive_failures, breaker.minimum_number_of_calls);
    let (failing, slow) = (breaker.failure_rate_threshold, breaker.slow_call_rate_threshold);
    let permitted = breaker.permitted_number_of_calls_in_half_open_state;
    let (first, longest) = (
        breaker.wait_duration_in_open_state_s,
        breaker.max_wait_duration_in_open_state_s,
    );
    [
        ("breaker.consecutive_failures", failures.into(), 1, u64::MAX),
        ("breaker.failure_rate_threshold", failing.into(), 1, 100),
        ("breaker.minimum_number_of_calls", calls.into(), 1, u64::MAX),
        ("breaker.slow_call_rate_threshold", slow.into(), 1, 100),
        (
            "breaker.permitted_number_of_calls_in_half_open_state",
            permitted.into(),
            1,
            1_000,
        ),
        ("breaker.wait_duration_in_open_state_s", first, 1, 300),
        ("breaker.max_wait_duration_in_open_state_s", longest, first.max(1), 300),
    ]
}

fn check_range((key, value, least, most): Range<'_>) -> Result<(), Wrong> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let right = match most {
        u64::MAX => format!("it must be {least} or more"),
        most => format!("it must be {least} to {most}"),
    };
    Err(Wrong::new(key, value, &right))
}

/// As a URL writes it: a name, an IPv4 address or a bracketed IPv6 address,
/// with or without a port.
fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    let named = |host: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !host.is_empty() && host.bytes().all(letter)
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let known = address.map_or_else(|| named(host), |host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let rest = text.strip_prefix(host);
    known
        && (rest == Some("")
            || authority
                .port_u16()
                .is_some_and(|port| rest == Some(&*format!(":{port}"))))
}

fn is_base_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|url| {
        let http = url
            .scheme_str()
            .is_some_and(|scheme| scheme == "http" || scheme == "https");
        http && url.authority().is_some_and(|authority| is_host(authority.as_str()))
    })
}

/// A database number may follow; what else a URL may hold is not taken for granted.
fn is_redis_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let host = url.host_str().is_some_and(|host| !host.is_empty());
        let database = url.path().trim_start_matches('/');
        host && matches!(url.scheme(), "redis" | "rediss")
            && url.port() != Some(0)
            && (database.is_empty() || database.parse::<u16>().is_ok())
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        for good in [
            "minio",
            "minio:9000",
            "10.0.0.5:9000",
            "[::1]",
            "[fd00::1]:80",
            "a-b.example",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            "http://a",
            "a/b",
            "a:",
            "a:x",
            "a:70000",
            "u@a",
            "*.a",
            "a b",
            "한글.kr",
            ":80",
            "::1",
            "[x]",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_base_url_is_absolute() {
        for good in ["https://gateway.example", "http://127.0.0.1:9/v1/"] {
            assert!(is_base_url(good), "{good}");
        }
        for bad in ["", "gateway.example", "/v1", "ftp://a", "https://", "https://u:p@a"] {
            assert!(!is_base_url(bad), "{bad}");
        }
    }

    #[test]
    fn a_redis_url_names_a_host_and_nothing_that_would_be_ignored() {
        for good in [
            "redis://cache",
            "redis://127.0.0.1:6390/2",
            "rediss://fanfare:p%40ss@redis.example:6380",
            "redis://:only-a-password@[::1]:6379/",
        ] {
            assert!(is_redis_url(good), "{good}");
        }
        for bad in [
            "",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis:///0",
            "redis://cache:0",
            "redis://cache:70000",
            "redis://cache/first",
            "redis://cache/0/1",
            "rediss://cache#insecure",
            "redis://cache?db=1",
            "redis+unix:///tmp/redis.sock",
        ] {
            assert!(!is_redis_url(bad), "{bad}");
        }
    }
}
