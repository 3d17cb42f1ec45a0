//! Where the database is and how it is used; read from a URL, which is a secret.
//!
//! Nothing here connects. No error repeats any part of the URL.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use super::tls::Verify;
use crate::store::StoreError;

/// How the store reaches its database and what it may use of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`. A secret.
    pub url: String,
    /// The schema that holds the tables: a plain identifier. Default `fanfare`.
    pub schema: String,
    /// A life that has not been renewed for so long is over. Default 30 s.
    pub lease: Duration,
    /// Connections that commit, so many commits at once at most. Default 4.
    pub writers: usize,
    /// Connections for everything else. Default 8.
    pub readers: usize,
    /// How long reaching the database may take. Default 2 s.
    pub connect_timeout: Duration,
    /// How long one statement may take. Default 10 s.
    pub statement_timeout: Duration,
}

impl PostgresSettings {
    /// That database, and the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            schema: "fanfare".to_owned(),
            lease: Duration::from_secs(30),
            writers: 4,
            readers: 8,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(10),
        }
    }
}

/// Without the URL, which holds a password.
impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("schema", &self.schema)
            .field("lease", &self.lease)
            .field("writers", &self.writers)
            .field("readers", &self.readers)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// What the settings come to.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) verify: Verify,
}

/// Reads the URL and checks the schema's name.
pub(super) fn target(settings: &PostgresSettings) -> Result<Target, StoreError> {
    check_schema(&settings.schema)?;
    let wrong = |why: &str| StoreError::Unusable(format!("the setting database_url (FANFARE_DATABASE_URL) {why}"));
    let form = "is not of the form postgres://user:password@host:port/name";
    let (base, options) = settings.url.split_once('?').unwrap_or((&settings.url, ""));
    if !base.starts_with("postgres://") && !base.starts_with("postgresql://") {
        return Err(wrong(form));
    }
    let mode = option(options, "sslmode").unwrap_or_else(|| "prefer".to_owned());
    let root = option(options, "sslrootcert").map(PathBuf::from);
    let (mode, verify) = match (mode.as_str(), root) {
        ("disable", _) => (SslMode::Disable, Verify::Nothing),
        ("prefer", _) => (SslMode::Prefer, Verify::Nothing),
        ("require", None) => (SslMode::Require, Verify::Nothing),
        ("require" | "verify-ca" | "verify-full", root) => (SslMode::Require, Verify::Name { root }),
        _ => {
            return Err(wrong(
                "has an sslmode other than disable, prefer, require and verify-full",
            ));
        }
    };
    let parsed = format!("{base}?{}", others(options)).parse::<Config>();
    // The driver's error may repeat a part of the URL.
    let mut config = parsed.map_err(|_secret| wrong("names an option or a value that is not known"))?;
    if config.get_hosts().is_empty() {
        return Err(wrong("names no host"));
    }
    if config.get_application_name().is_none() {
        config.application_name("fanfare");
    }
    config
        .ssl_mode(mode)
        .connect_timeout(settings.connect_timeout)
        .tcp_user_timeout(settings.statement_timeout)
        .keepalives_idle(settings.statement_timeout);
    Ok(Target { config, verify })
}

/// The options that are read here; the driver does not know them, or fewer of their values.
const OURS: [&str; 2] = ["sslmode", "sslrootcert"];

fn option(options: &str, name: &str) -> Option<String> {
    // A plus is a plus here.
    let options = options.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(options.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn others(options: &str) -> String {
    let ours = |option: &&str| OURS.iter().any(|name| option.split('=').next() == Some(name));
    let others: Vec<&str> = options
        .split('&')
        .filter(|option| !option.is_empty() && !ours(option))
        .collect();
    others.join("&")
}

/// A name that needs no quotes, so that it may stand in statements.
fn check_schema(schema: &str) -> Result<(), StoreError> {
    let letter = |c: char| c.is_ascii_lowercase() || c == '_';
    let plain = schema.starts_with(letter) && schema.chars().all(|c| letter(c) || c.is_ascii_digit());
    if plain && schema.len() <= 63 && !schema.starts_with("pg_") {
        return Ok(());
    }
    Err(StoreError::Unusable(
        "the setting database.schema must be a plain name: small letters, digits and _, not pg_…, at most 63"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let refusal = target(&PostgresSettings::new(url)).err().expect("it must be refused");
        refusal.to_string()
    }

    #[test]
    fn a_url_that_cannot_be_used_is_named_by_its_setting_and_never_repeated() {
        for url in [
            "hunter2",
            "",
            "mysql://u:hunter2@h/d",
            "host=h password=hunter2",
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?hunter2=1",
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "postgres://u:hunter2@h/d?connect_timeout=hunter2",
            "postgres:///hunter2",
        ] {
            let line = refused(url);
            assert!(line.contains("database_url (FANFARE_DATABASE_URL)"), "{line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
        let debug = format!("{:?}", PostgresSettings::new("postgres://u:hunter2@h/d"));
        assert!(!debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn the_ways_of_tls_are_those_of_postgresql() {
        let of = |options: &str| {
            let target = target(&PostgresSettings::new(format!("postgres://u@h/d{options}"))).unwrap();
            (target.config.get_ssl_mode(), target.verify)
        };
        let root = Some(PathBuf::from("/etc/ca.pem"));
        assert_eq!(of(""), (SslMode::Prefer, Verify::Nothing));
        assert_eq!(of("?sslmode=disable"), (SslMode::Disable, Verify::Nothing));
        assert_eq!(of("?sslmode=require"), (SslMode::Require, Verify::Nothing));
        assert_eq!(
            of("?sslmode=require&sslrootcert=/etc/ca.pem"),
            (SslMode::Require, Verify::Name { root })
        );
        assert_eq!(
            of("?sslmode=verify-full"),
            (SslMode::Require, Verify::Name { root: None })
        );
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        for schema in [
            "",
            "Fanfare",
            "a b",
            "a;drop",
            "1a",
            "pg_catalog",
            "\"a\"",
            &"a".repeat(64),
        ] {
            let mut settings = PostgresSettings::new("postgres://u@h/d");
            schema.clone_into(&mut settings.schema);
            let refusal = target(&settings).err().expect(schema);
            assert!(refusal.to_string().contains("database.schema"), "{refusal}");
        }
    }
}
