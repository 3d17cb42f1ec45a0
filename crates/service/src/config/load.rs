//! Reads the file, lays the variables over it, and refuses what it does not
//! know: a setting that is silently ignored is worse than a start that fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, check};

/// Begins every variable of this service.
const PREFIX: &str = "FANFARE_";

/// Variables that are no settings of the service: the file's own place, the
/// log's filter, and what tests, `scripts/servers` and the command line are told.
const NOT_SETTINGS: [&str; 8] = [
    "FANFARE_API_KEY",
    "FANFARE_CONFIG",
    "FANFARE_INSTAGRAM_APP_SECRET",
    "FANFARE_LOG",
    "FANFARE_PARTNER_TOKEN",
    "FANFARE_SERVERS",
    "FANFARE_SERVERS_DIR",
    "FANFARE_URL",
];
const TEST_PREFIX: &str = "FANFARE_TEST_";

/// How serde begins what it says of a key that there is not.
const UNKNOWN: &str = "unknown field";

/// How we begin what we say of a single value where there should be several.
const SEVERAL: &str = "invalid type, expected";

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A variable.
    Variable(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// Why the configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named is not there.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or a value is wrong.
    #[error("{origin}: {message}")]
    Invalid {
        /// Where it stands.
        origin: Origin,
        /// Which key and value, and what would be right.
        message: String,
    },
}

/// Reads the file, if one is named, and lays the `FANFARE_…` variables over it.
pub fn load(file: Option<&Path>, variables: impl IntoIterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let mut table = match file {
        Some(path) => read_file(path)?,
        None => Table::new(),
    };
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    settings.extend(variables.into_iter().filter(|(name, _)| is_setting(name)));
    for (name, value) in &settings {
        lay_over(&mut table, name, value)?;
    }
    let origin = || {
        file.map_or_else(
            || Origin::Variable(format!("{PREFIX}*")),
            |path| Origin::File(path.to_owned()),
        )
    };
    let config = read(&table).map_err(|message| ConfigError::Invalid {
        origin: origin(),
        message,
    })?;
    check::check(&config).map_err(|wrong| ConfigError::Invalid {
        origin: variable_of(&wrong.key, settings.keys()).map_or_else(origin, Origin::Variable),
        message: wrong.message,
    })?;
    Ok(config)
}

/// The variable that sets this key, or a table around it.
fn variable_of<'v>(key: &str, variables: impl Iterator<Item = &'v String>) -> Option<String> {
    let sets = |name: &&String| {
        let path = name[PREFIX.len()..].to_lowercase().replace("__", ".");
        key.strip_prefix(&path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    variables.filter(sets).max_by_key(|name| name.len()).cloned()
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    // The text, not the table, is checked first: only it knows lines.
    let invalid = |error: toml::de::Error| {
        let (line, at) = place(&text, &error);
        ConfigError::Invalid {
            origin: Origin::File(path.to_owned()),
            message: format!("line {line}: {} (`{at}`)", told(&error)),
        }
    };
    toml::from_str::<Config>(&text).map_err(invalid)?;
    toml::from_str(&text).map_err(invalid)
}

fn is_setting(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX) && !NOT_SETTINGS.contains(&name)
}

/// `FANFARE_CHANNELS__INSTAGRAM__MODE=mock` is `channels.instagram.mode = "mock"`.
fn lay_over(table: &mut Table, name: &str, text: &str) -> Result<(), ConfigError> {
    let path = name[PREFIX.len()..].to_lowercase();
    let keys: Vec<_> = path.split("__").collect();
    // A number or a list is tried first, then the text as it is.
    let as_toml = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    let candidates = as_toml.into_iter().chain([Value::String(text.to_owned())]);
    let mut refused = None;
    for candidate in candidates {
        let nested = nested(&keys, candidate);
        match read(&nested) {
            Ok(_) => {
                merge(table, nested);
                return Ok(());
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let why = refused.unwrap_or_default();
    // What has no key, or many, may be a token.
    let value = if [UNKNOWN, SEVERAL].iter().any(|kind| why.starts_with(kind)) || text.contains('{') {
        "***".to_owned()
    } else {
        format!("{text:?}")
    };
    let message = format!("{value} is refused as {}: {why}", keys.join("."));
    Err(ConfigError::Invalid {
        origin: Origin::Variable(name.to_owned()),
        message,
    })
}

/// By way of its text, as the file is: to read settings from values, too, all of them
/// would be compiled a second time, a third of a megabyte. What is wrong is told with
/// its key.
fn read(table: &Table) -> Result<Config, String> {
    let text = table.to_string();
    toml::from_str(&text).map_err(|error| {
        let (_, at) = place(&text, &error);
        format!("{} (`{at}`)", told(&error))
    })
}

/// Where there should be a table or a list, what stands there instead is not shown: it may
/// be all of a channel's settings.
fn told(error: &toml::de::Error) -> String {
    let message = error.message();
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let several = |expected: &&str| {
        ["struct ", "a map", "a sequence"]
            .iter()
            .any(|kind| expected.starts_with(kind))
    };
    match expected.filter(several) {
        Some(expected) => format!("{SEVERAL} {expected}"),
        None => message.to_owned(),
    }
}

/// The line of what is wrong, counted from 1, and its key or header: what is set there is not
/// shown, since it may be a token.
fn place<'t>(text: &'t str, error: &toml::de::Error) -> (usize, &'t str) {
    let begin = error.span().map_or(0, |span| span.start.min(text.len()));
    let above = text.get(..begin).unwrap_or_default().matches('\n').count();
    let line = text.lines().nth(above).unwrap_or_default();
    let key = line.split_once('=').map_or(line, |(key, _)| key);
    (above + 1, key.trim())
}

fn nested(keys: &[&str], value: Value) -> Table {
    match keys {
        [] => Table::new(),
        [key] => Table::from_iter([((*key).to_owned(), value)]),
        [key, inner @ ..] => Table::from_iter([((*key).to_owned(), Value::Table(nested(inner, value)))]),
    }
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(existing)), Value::Table(value)) => merge(existing, value),
            (_, value) => _ = into.insert(key, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        load(None, variables(pairs)).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_needed() {
        assert_eq!(load(None, []).unwrap(), Config::default());
    }

    #[test]
    fn variables_override_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            "listen = \"127.0.0.1:1\"\n[http]\nmax_connections = 7\nbody_timeout_ms = 8\n",
        )
        .unwrap();
        let config = load(
            Some(file.path()),
            variables(&[
                ("FANFARE_LISTEN", "0.0.0.0:9000"),
                ("FANFARE_HTTP__MAX_CONNECTIONS", "5"),
                ("FANFARE_DATA_DIR", "42"),
                ("FANFARE_MEDIA__ALLOW_HOSTS", "[\"minio:9000\"]"),
                ("FANFARE_CHANNELS__KAKAO_CHANNEL__MODE", "mock"),
                ("PATH", "/bin"),
                ("FANFARE_TEST_ANYTHING", "1"),
                ("FANFARE_SERVERS_DIR", "/elsewhere"),
                ("FANFARE_API_KEY", "ff_not-a-setting"),
            ]),
        )
        .unwrap();
        assert_eq!(config.listen, "0.0.0.0:9000".parse().unwrap());
        assert_eq!((config.http.max_connections, config.http.body_timeout_ms), (5, 8));
        assert_eq!(config.data_dir, PathBuf::from("42"));
        assert_eq!(config.media.allow_hosts, ["minio:9000"]);
    }

    /// A misspelt one would keep every replica from starting.
    #[test]
    fn the_variables_of_the_kubernetes_files_are_settings() {
        let file = include_str!("../../../../deploy/kubernetes/fanfare.env");
        let pairs: Vec<_> = file.lines().filter_map(|line| line.split_once('=')).collect();
        assert!(pairs.contains(&("FANFARE_LISTEN", "0.0.0.0:8080")), "{pairs:?}");
        load(None, variables(&pairs)).unwrap();
    }

    #[test]
    fn a_refusal_names_key_value_and_what_would_be_right() {
        for (name, value, words) in [
            (
                "FANFARE_LISTEN",
                "8080",
                &["FANFARE_LISTEN", "\"8080\"", "listen", "socket address"][..],
            ),
            (
                "FANFARE_LISTTEN",
                "x",
                &["FANFARE_LISTTEN", "unknown field `listten`", "`listen`"],
            ),
            (
                "FANFARE_CHANNELS__TIKTOK__MODE",
                "mock",
                &["unknown field `tiktok`", "`instagram`"],
            ),
            (
                "FANFARE_CHANNELS__INSTAGRAM__MODE",
                "off",
                &["\"off\"", "`mock`", "`live`"],
            ),
            (
                "FANFARE_AUTH__REQUIRED",
                "false",
                &["auth.required", "\"auto\" or true", "cannot be switched off"],
            ),
            (
                "FANFARE_HTTP__MAX_CONNECTIONS",
                "-1",
                &["\"-1\"", "http.max_connections"],
            ),
            (
                "FANFARE_HTTP__MAX_CONNECTIONS",
                "0",
                &[
                    "FANFARE_HTTP__MAX_CONNECTIONS: http.max_connections = 0",
                    "1 to 1000000",
                ],
            ),
            (
                "FANFARE_HTTP__MAX_WAITING",
                "1024",
                &["http.max_waiting = 1024", "still less than http.max_connections (1024)"],
            ),
            (
                "FANFARE_ENGINE__MAX_BACKLOG_S",
                "0",
                &["engine.max_backlog_s = 0", "1 to 3600"],
            ),
            (
                "FANFARE_CHANNELS__INSTAGRAM__HASHTAGS_MAX",
                "0",
                &["channels.instagram.hashtags_max = 0", "1 to 30"],
            ),
            (
                "FANFARE_CHANNELS__INSTAGRAM__HASHTAGS_MAX",
                "31",
                &["channels.instagram.hashtags_max = 31", "1 to 30"],
            ),
            (
                "FANFARE_CHANNELS__NAVER_BLOG__HASHTAGS_MAX",
                "5",
                &["channels.naver_blog.hashtags_max = 5", "only instagram", "leave it out"],
            ),
        ] {
            let refusal = refusal(&[(name, value)]);
            for word in words {
                assert!(
                    refusal.contains(word),
                    "{name}={value}: {word:?} is missing in {refusal:?}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_names_the_key_within_a_table() {
        let caps = "{ default = { per_event = \"x\" } }";
        let refusal = refusal(&[("FANFARE_CHANNELS__GENIE_TV__SPEND_CAPS", caps)]);
        for word in ["channels.genie_tv.spend_caps", "per_event", "expected u64"] {
            assert!(refusal.contains(word), "{word:?} is missing in {refusal:?}");
        }
    }

    /// Such as a token whose key is misspelt, or whose quotes are missing.
    #[test]
    fn a_refusal_shows_nothing_that_may_be_a_token() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, words) in [
            (
                "acess_token = \"EAAGsecret\"",
                ["line 3", "unknown field `acess_token`"],
            ),
            ("access_token = EAAGsecret", ["line 3", "access_token"]),
            ("access_token = 123456", ["line 3", "must be text, in quotes"]),
        ] {
            std::fs::write(file.path(), format!("\n[channels.instagram]\n{text}\n")).unwrap();
            let refusal = load(Some(file.path()), []).unwrap_err().to_string();
            assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
            assert!(!refusal.contains("EAAG") && !refusal.contains("1234"), "{refusal}");
        }
        let inline = "{ access_token = \"EAAGsecret\", mode = \"off\" }";
        for (name, value, word) in [
            (
                "FANFARE_CHANNELS__INSTAGRAM__ACESS_TOKEN",
                "EAAGsecret",
                "`acess_token`",
            ),
            ("FANFARE_CHANNELS__INSTAGRAM", inline, "`mode`"),
            ("FANFARE_CHANNELS__INSTAGRAM", &inline[..28], "expected struct"),
            ("FANFARE_CHANNELS__INSTAGRAM", "EAAGsecret", "expected struct"),
        ] {
            let refusal = refusal(&[(name, value)]);
            assert!(refusal.contains(word), "{refusal}");
            assert!(!refusal.contains("EAAG"), "{refusal}");
        }
    }

    #[test]
    fn a_value_out_of_range_names_its_variable_and_the_range() {
        for (name, value, right) in [
            ("MEDIA__ALLOW_HOSTS", "[\"minio\", \"http://a\"]", "host or host:port"),
            (
                "CHANNELS__NAVER_BLOG__BASE_URL",
                "gateway",
                "absolute http or https URL",
            ),
            ("CHANNELS__NAVER_BLOG__CONCURRENCY", "0", "1 or more"),
            (
                "CHANNELS__KAKAO_CHANNEL__FREQUENCY_CAP",
                "{ messages = 0, days = 7 }",
                "1 to 1000",
            ),
            (
                "CHANNELS__KAKAO_CHANNEL__FREQUENCY_CAP",
                "{ messages = 1, days = 367 }",
                "1 to 366",
            ),
            (
                "CHANNELS__INSTAGRAM__FREQUENCY_CAP",
                "{ messages = 1, days = 7 }",
                "only kakao_channel",
            ),
            (
                "CHANNELS__INSTAGRAM__SPEND_CAPS",
                "{ default = { per_event = 1 } }",
                "only wooridongne_tv and genie_tv",
            ),
            (
                "CHANNELS__GENIE_TV__SPEND_CAPS",
                "{ default = {} }",
                "per_event, per_month",
            ),
            ("CHANNELS__KAKAO_CHANNEL__WEBHOOK_SIGNATURE", "guess-me", "at least 16"),
            (
                "CHANNELS__INSTAGRAM__WEBHOOK_SIGNATURE",
                "a-long-signature",
                "only NHN Cloud",
            ),
            (
                "CHANNELS__RINGO_BIZ__PROBE_VIDEO",
                "false",
                "only wooridongne_tv and genie_tv",
            ),
            ("CHANNELS__NAVER_BLOG__LIMIT_REFRESH_PERIOD_S", "0", "1 to 86400"),
            ("CHANNELS__NAVER_BLOG__LIMIT_FOR_PERIOD", "0", "1 or more"),
            ("BREAKER__FAILURE_RATE_THRESHOLD", "101", "1 to 100"),
            ("BREAKER__MAX_WAIT_DURATION_IN_OPEN_STATE_S", "10", "30 to 300"),
            ("BREAKER__SLOW_CALL_DURATION_THRESHOLD_MS", "0", "1 or more"),
            (
                "BREAKER__SLOW_CALL_DURATION_THRESHOLD_MS",
                "10000",
                "less than calls.deadline_ms (10000 ms)",
            ),
            ("DATA_DIR", "", "must name a directory"),
            ("PUBLIC_URL", "fanfare.example", "absolute http or https URL"),
            ("HAND_OFF__KEY", "short", "at least 32 characters"),
            ("HAND_OFF__VALID_DAYS", "0", "1 to 365"),
            ("REDIS_URL", "", "redis://host:port"),
            ("STATUS_CACHE__TTL_S", "0", "1 to 31536000"),
            ("KAFKA_BROKERS", "kafka", "host:port"),
            ("KAFKA__TOPIC", "two words", "249"),
            ("KAFKA__MESSAGE_TIMEOUT_MS", "10", "1000 to 600000"),
            ("STATUS_CACHE__MAX_ENTRIES", "0", "1 or more"),
            ("HTTP__DEFAULT_WAIT_S", "61", "0 to 60"),
            ("HTTP__STOP_TIMEOUT_S", "0", "1 to 3600"),
            ("HTTP__STOP_TIMEOUT_S", "3601", "1 to 3600"),
            ("LEDGER__COMMIT_DELAY_MS", "10001", "0 to 10000"),
            ("ENGINE__MAX_INTERVAL_S", "0", "1 to 86400"),
            ("ENGINE__MAX_AGE_H", "0", "1 to 8760"),
            ("ENGINE", "{ max_age_h = 9223372036854775807 }", "1 to 8760"),
        ] {
            let refusal = refusal(&[(&format!("FANFARE_{name}"), value), ("FANFARE_LISTEN", "127.0.0.1:1")]);
            let key = name.to_lowercase().replace("__", ".");
            assert!(refusal.starts_with(&format!("FANFARE_{name}: {key}")), "{refusal}");
            assert!(refusal.contains(right), "{name}={value}: {refusal}");
        }
    }

    #[test]
    fn a_value_out_of_range_in_the_file_names_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "[engine]\nmax_age_h = 0\n").unwrap();
        let other = variables(&[("FANFARE_ENGINE__MAX_ATTEMPTS", "3")]);
        let refusal = load(Some(file.path()), other).unwrap_err().to_string();
        let begin = format!("{}: engine.max_age_h = 0", file.path().display());
        assert!(refusal.starts_with(&begin), "{refusal}");
    }

    #[test]
    fn links_that_nobody_could_open_stop_the_start() {
        let naver = ("FANFARE_CHANNELS__NAVER_BLOG__MODE", "live");
        for listen in ["0.0.0.0:8080", "[::]:8080"] {
            let everywhere = ("FANFARE_LISTEN", listen);
            let refusal = refusal(&[naver, everywhere]);
            for words in ["public_url is missing", listen, "FANFARE_PUBLIC_URL", "Naver Blog"] {
                assert!(refusal.contains(words), "{words:?} is missing in {refusal:?}");
            }
            for good in [
                ("FANFARE_PUBLIC_URL", "https://fanfare.example"),
                ("FANFARE_CHANNELS__NAVER_BLOG__PROTOCOL", "gateway"),
            ] {
                load(None, variables(&[naver, everywhere, good])).unwrap();
            }
        }
        for listen in ["127.0.0.1:8080", "10.0.0.5:8080"] {
            load(None, variables(&[naver, ("FANFARE_LISTEN", listen)])).unwrap();
        }
    }

    #[test]
    fn a_fault_in_the_file_names_file_line_and_key() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\n[http]\nmax_conections = 7\n").unwrap();
        let refusal = load(Some(file.path()), []).unwrap_err().to_string();
        for word in [
            file.path().to_str().unwrap(),
            "line 3",
            "max_conections",
            "max_connections",
        ] {
            assert!(refusal.contains(word), "{word:?} is missing in {refusal:?}");
        }
        let missing = load(Some(Path::new("/nowhere.toml")), []).unwrap_err().to_string();
        assert!(missing.contains("/nowhere.toml"), "{missing}");
    }
}
