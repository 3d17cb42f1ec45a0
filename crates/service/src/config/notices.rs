//! `[[notices]]`, and what may stand there: who is told what goes wrong.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;

use fanfare_channels::secret::Secret;
use fanfare_core::ids::TenantId;
use fanfare_core::notice::{NoticeKind, Subscription};
use fanfare_core::text::Language;
use fanfare_core::validate::url::media_url;
use lettre::message::Mailbox;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use url::Url;

use super::Config;
use super::check::Wrong;
use crate::notify::{Mailer, SigningKey};

/// Longest name of an endpoint.
const NAME_MAX: usize = 64;

/// Secrets of one webhook: the one that goes, and the one that comes.
const SECRETS_MAX: usize = 2;

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeEndpoint {
    /// What it is called in logs, metrics and the API.
    pub name: String,
    /// How it is spoken to.
    pub kind: EndpointKind,
    /// Where it is. Who knows the address of a chat may write there, so it is
    /// shown as stars.
    #[serde(serialize_with = "always_as_stars")]
    pub url: Secret,
    /// What a webhook is signed with: `whsec_` and base64; two of them while one is
    /// replaced, and then with each. Shown as stars.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "all_as_stars",
        deserialize_with = "one_or_more"
    )]
    pub secret: Vec<Secret>,
    /// A file that holds them instead, each in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// As whom mail is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To whom mail is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// In which language.
    #[serde(default)]
    pub language: NoticeLanguage,
    /// Of what; of all but `distribution.settled` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Only what concerns this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Whether the address may lie inside a network, and be `http://`.
    #[serde(default)]
    pub allow_inside: bool,
}

/// How an endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointKind {
    /// A signed message, as Standard Webhooks says.
    Webhook,
    /// `{"text": …}`, as Slack, Mattermost and others take it.
    Slack,
    /// A mail, by SMTP.
    Email,
}

impl EndpointKind {
    /// The word in the configuration. It is kept, in fingerprints.
    const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::Email => "email",
        }
    }
}

/// In which language an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeLanguage {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl From<NoticeLanguage> for Language {
    fn from(language: NoticeLanguage) -> Self {
        match language {
            NoticeLanguage::En => Self::En,
            NoticeLanguage::Ko => Self::Ko,
        }
    }
}

fn always_as_stars<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{secret:?}"))
}

fn all_as_stars<S: Serializer>(secrets: &[Secret], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(|secret| format!("{secret:?}")))
}

/// A text, or an array of texts.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    struct OneOrMore;

    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<Secret>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a secret, or an array of them")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![Secret::new(text)])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut secrets = Vec::new();
            while let Some(secret) = items.next_element()? {
                secrets.push(secret);
            }
            Ok(secrets)
        }
    }

    deserializer.deserialize_any(OneOrMore)
}

impl NoticeEndpoint {
    /// What it is told; a word that is not known was refused at the start.
    pub fn subscription(&self) -> Subscription {
        let named = |words: &Vec<String>| words.iter().filter_map(|word| NoticeKind::from_name(word)).collect();
        let defaults = || NoticeKind::ALL.into_iter().filter(|kind| kind.by_default()).collect();
        Subscription {
            endpoint: self.name.clone(),
            kinds: self.events.as_ref().map_or_else(defaults, named),
            tenant: self.tenant.as_deref().map(TenantId::new),
        }
    }

    /// Tells whether it was changed in what decides whether it can be reached: not
    /// in its words or in what it is told. Says nothing of what it is. Of two secrets
    /// the first alone counts: while a second one is brought out, nodes that have it and
    /// nodes that do not yet speak to the same endpoint, and each of them goes on telling it.
    ///
    /// # Errors
    /// Where the file of its secrets can't be read.
    pub fn fingerprint(&self) -> io::Result<String> {
        let secrets = self.signing_secrets()?;
        let inside = if self.allow_inside { "inside" } else { "outside" };
        let fixed = [
            self.kind.word(),
            self.url.reveal(),
            secrets.first().map_or("", Secret::reveal),
            inside,
            self.from.as_deref().unwrap_or_default(),
        ];
        let mut hash = Sha256::new();
        for part in fixed.into_iter().chain(self.to.iter().map(String::as_str)) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let hex: Vec<_> = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(hex.concat())
    }

    /// Of the configuration or of its file.
    fn signing_secrets(&self) -> io::Result<Vec<Secret>> {
        match &self.secret_file {
            None => Ok(self.secret.clone()),
            Some(file) => {
                let held = std::fs::read_to_string(file)?;
                Ok(held.split_whitespace().map(Secret::new).collect())
            }
        }
    }

    /// What a webhook is signed with, one or two.
    ///
    /// # Errors
    /// Where there is none that can be read.
    pub fn signing_keys(&self) -> io::Result<Vec<SigningKey>> {
        let keys = signing_keys(&self.signing_secrets()?);
        keys.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not whsec_ and base64, once or twice"))
    }

    /// Where it is; an address that can't be read was refused at the start.
    pub fn address(&self) -> Option<Url> {
        Url::parse(self.url.reveal()).ok()
    }
}

fn signing_keys(secrets: &[Secret]) -> Option<Vec<SigningKey>> {
    let keys = secrets.iter().map(|secret| SigningKey::read(secret.reveal()));
    keys.collect::<Option<Vec<_>>>()
        .filter(|keys| (1..=SECRETS_MAX).contains(&keys.len()))
}

/// Finds the first value that is wrong.
pub(super) fn check(config: &Config) -> Result<(), Wrong> {
    let mut names = BTreeSet::new();
    for (number, endpoint) in (1..).zip(&config.notices) {
        if !is_name(&endpoint.name) {
            let right = "it must have 1 to 64 lower-case letters, digits and hyphens, such as \"ops\"";
            let key = format!("notices.{number}.name");
            return Err(Wrong::new(&key, format_args!("{:?}", endpoint.name), right));
        }
        if !names.insert(&endpoint.name) {
            let right = "each endpoint must have a name of its own";
            let key = format!("notices.{number}.name");
            return Err(Wrong::new(&key, format_args!("{:?}", endpoint.name), right));
        }
        check_url(endpoint)?;
        check_secret(endpoint)?;
        check_events(endpoint)?;
    }
    Ok(())
}

fn key(endpoint: &NoticeEndpoint, field: &str) -> String {
    format!("notices.{}.{field}", endpoint.name)
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(letter)
}

/// The address is not repeated: it may be a secret.
fn check_url(endpoint: &NoticeEndpoint) -> Result<(), Wrong> {
    let refused = |right: &str| Err(Wrong::new(&key(endpoint, "url"), "***", right));
    if endpoint.kind == EndpointKind::Email {
        return check_mail(endpoint);
    }
    if endpoint.from.is_some() || !endpoint.to.is_empty() {
        let field = if endpoint.from.is_some() { "from" } else { "to" };
        return Err(Wrong::new(
            &key(endpoint, field),
            "…",
            "only kind = \"email\" has from and to",
        ));
    }
    let Some(mut url) = endpoint.address().filter(Url::has_host) else {
        return refused("it must be an absolute URL, such as \"https://ops.example/hooks/fanfare\"");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refused("it must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it must not carry a user name or a password");
    }
    if endpoint.allow_inside {
        return Ok(());
    }
    if url.scheme() != "https" {
        return refused("it must begin with https://; http:// is for your own network, with allow_inside = true");
    }
    // Any port will do; where the host is, is what matters here.
    let has_no_port = url.set_port(None).is_ok();
    if !has_no_port || media_url(url.as_str(), &[]).is_err() {
        return refused("its host is not on the public internet; if it is meant, set allow_inside = true");
    }
    Ok(())
}

fn check_mail(endpoint: &NoticeEndpoint) -> Result<(), Wrong> {
    let refused = |right: &str| Err(Wrong::new(&key(endpoint, "url"), "***", right));
    let url = endpoint
        .address()
        .filter(|url| matches!(url.scheme(), "smtp" | "smtps"));
    let Some(host) = url.as_ref().and_then(Url::host_str) else {
        return refused("it must be such as \"smtps://user:password@smtp.example:465\"");
    };
    let encrypted = url.as_ref().is_some_and(is_encrypted);
    if !endpoint.allow_inside && !encrypted {
        return refused(
            "it must begin with smtps://, or end with ?tls=required; without is for your own network, with \
             allow_inside = true",
        );
    }
    if !endpoint.allow_inside && media_url(&format!("https://{host}/"), &[]).is_err() {
        return refused("its host is not on the public internet; if it is meant, set allow_inside = true");
    }
    let is_address = |text: &String| text.parse::<Mailbox>().is_ok();
    let right = "it must be an address, such as \"fanfare@shop.example\" or \"Fanfare <fanfare@shop.example>\"";
    if !endpoint.from.as_ref().is_some_and(is_address) {
        return Err(Wrong::new(
            &key(endpoint, "from"),
            format_args!("{:?}", endpoint.from.as_deref().unwrap_or_default()),
            right,
        ));
    }
    if endpoint.to.is_empty() || !endpoint.to.iter().all(is_address) {
        let right = "it must name one address or more, such as [\"ops@shop.example\"]";
        return Err(Wrong::new(
            &key(endpoint, "to"),
            format_args!("{:?}", endpoint.to),
            right,
        ));
    }
    if let Err(why) = Mailer::new(endpoint) {
        return refused(&why.to_string());
    }
    Ok(())
}

/// Nothing is said before TLS is agreed on. Of several words, the first is the one
/// that the mailer reads.
fn is_encrypted(url: &Url) -> bool {
    let said = url.query_pairs().find(|(key, _)| key == "tls");
    url.scheme() == "smtps" || said.is_some_and(|(_, value)| value == "required")
}

fn check_secret(endpoint: &NoticeEndpoint) -> Result<(), Wrong> {
    let form = "it must be whsec_ and 24 to 64 random bytes in base64 \
                (`echo whsec_$(openssl rand -base64 32)`), or two such while one is replaced";
    if endpoint.kind != EndpointKind::Webhook {
        if endpoint.secret.is_empty() && endpoint.secret_file.is_none() {
            return Ok(());
        }
        let right = "only kind = \"webhook\" is signed";
        return Err(Wrong::new(&key(endpoint, "secret"), "***", right));
    }
    if let (false, Some(file)) = (endpoint.secret.is_empty(), &endpoint.secret_file) {
        let right = "secret is set, too: leave one of them out";
        return Err(Wrong::new(&key(endpoint, "secret_file"), file.display(), right));
    }
    match (endpoint.signing_secrets(), &endpoint.secret_file) {
        (Err(error), Some(file)) => {
            let right = format!("it can't be read ({error})");
            Err(Wrong::new(&key(endpoint, "secret_file"), file.display(), &right))
        }
        (Ok(secrets), _) if signing_keys(&secrets).is_some() => Ok(()),
        (Ok(_), Some(file)) => {
            let right = format!("of what it holds: {form}");
            Err(Wrong::new(&key(endpoint, "secret_file"), file.display(), &right))
        }
        (Ok(secrets), None) if !secrets.is_empty() => Err(Wrong::new(&key(endpoint, "secret"), "***", form)),
        (Ok(_) | Err(_), None) => Err(Wrong::new(&key(endpoint, "secret"), "nothing", form)),
    }
}

fn check_events(endpoint: &NoticeEndpoint) -> Result<(), Wrong> {
    let Some(events) = &endpoint.events else { return Ok(()) };
    let unknown = events.iter().find(|word| NoticeKind::from_name(word).is_none());
    let known = NoticeKind::ALL.map(NoticeKind::name).join(", ");
    if let Some(unknown) = unknown {
        let right = format!("each must be one of {known}");
        return Err(Wrong::new(
            &key(endpoint, "events"),
            format_args!("[… {unknown:?} …]"),
            &right,
        ));
    }
    if events.is_empty() {
        let right = format!("it must name at least one of {known}; leave the endpoint out if it is told nothing");
        return Err(Wrong::new(&key(endpoint, "events"), "[]", &right));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn refusal(endpoint: &str) -> Option<(String, String)> {
        let config: Config = toml::from_str(&format!("[[notices]]\n{endpoint}")).unwrap();
        check(&config).err().map(|wrong| (wrong.key, wrong.message))
    }

    fn webhook(rest: &str) -> String {
        format!("name = \"ops\"\nkind = \"webhook\"\n{rest}")
    }

    fn with_secret(rest: &str) -> String {
        webhook(&format!("secret = \"{SECRET}\"\n{rest}"))
    }

    fn mail(rest: &str) -> String {
        format!(
            "name = \"ops\"\nkind = \"email\"\nfrom = \"Fanfare <a@example.com>\"\nto = [\"b@example.com\"]\n{rest}"
        )
    }

    #[test]
    fn what_is_right_is_taken() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let path = file.path().display();
        for good in [
            with_secret("url = \"https://ops.example.com/hooks\""),
            with_secret("url = \"https://ops.example.com:8443/hooks\"\nlanguage = \"ko\"\ntenant = \"cafe\""),
            webhook(&format!(
                "url = \"https://ops.example.com/\"\nsecret = [\"{SECRET}\", \"{OTHER}\"]"
            )),
            with_secret("url = \"http://alerts:9000/\"\nallow_inside = true\nevents = [\"delivery.failed\"]"),
            webhook(&format!("url = \"https://ops.example.com/\"\nsecret_file = \"{path}\"")),
            mail("url = \"smtps://user:p%40ss@smtp.example.com:465\""),
            mail("url = \"smtp://smtp.example.com:587?tls=required\""),
            mail("url = \"smtp://mail:25\"\nallow_inside = true"),
            "name = \"chat\"\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/T/B/x\"".to_owned(),
        ] {
            assert_eq!(refusal(&good), None, "{good}");
        }
    }

    fn refuses(cases: &[(String, &str, &str)]) {
        for (bad, wrong, words) in cases {
            let (found, message) = refusal(bad).unwrap_or_default();
            assert_eq!(found, *wrong, "{bad}");
            assert!(message.contains(words), "{bad}: {message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn an_address_that_is_wrong_is_named_and_not_repeated() {
        let url = "notices.ops.url";
        let at = |address: &str| with_secret(&format!("url = \"{address}\""));
        let by_mail = |address: &str| mail(&format!("url = \"{address}\""));
        refuses(&[
            (at("ops"), url, "absolute URL"),
            (at("ftp://ops.example.com"), url, "https://"),
            (at("https://a:canary@ops.example.com"), url, "password"),
            (at("http://ops.example.com/canary"), url, "allow_inside"),
            (at("https://127.0.0.1/canary"), url, "public internet"),
            (at("https://[::ffff:10.0.0.1]/"), url, "public internet"),
            (at("https://169.254.169.254:8443/"), url, "public internet"),
            (at("https://alerts.internal/"), url, "public internet"),
            (by_mail("https://smtp.example.com"), url, "smtps://"),
            (by_mail("smtp://a:canary@smtp.example.com"), url, "tls=required"),
            (
                by_mail("smtp://a:canary@smtp.example.com?tls=opportunistic&tls=required"),
                url,
                "tls=required",
            ),
            (by_mail("smtps://10.0.0.1"), url, "public internet"),
        ]);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_with_it() {
        let url = "url = \"https://ops.example.com/canary\"";
        let signed = |rest: &str| with_secret(&format!("{url}\n{rest}"));
        let (secret, file) = ("notices.ops.secret", "notices.ops.secret_file");
        let chat = format!("name = \"ops\"\nkind = \"slack\"\n{url}");
        let server = mail("url = \"smtps://smtp.example.com\"");
        refuses(&[
            (webhook(url), secret, "whsec_"),
            (webhook(&format!("{url}\nsecret = \"canary\"")), secret, "openssl"),
            (webhook(&format!("{url}\nsecret = \"whsec_AAAA\"")), secret, "24 to 64"),
            (
                webhook(&format!("{url}\nsecret = [\"{SECRET}\", \"canary\"]")),
                secret,
                "openssl",
            ),
            (
                webhook(&format!("{url}\nsecret = [\"{SECRET}\", \"{OTHER}\", \"{OTHER}\"]")),
                secret,
                "two such",
            ),
            (webhook(&format!("{url}\nsecret = []")), secret, "whsec_"),
            (
                webhook(&format!("{url}\nsecret_file = \"/nowhere\"")),
                file,
                "can't be read",
            ),
            (signed("secret_file = \"/a\""), file, "leave one"),
            (format!("{chat}\nsecret = \"{SECRET}\""), secret, "only kind"),
            (signed("events = [\"boom\"]"), "notices.ops.events", "breaker.opened"),
            (signed("events = []"), "notices.ops.events", "at least one"),
            (signed("to = [\"b@example.com\"]"), "notices.ops.to", "only kind"),
            (
                signed("to = [\"b@example.com\"]\nallow_inside = true"),
                "notices.ops.to",
                "only kind",
            ),
            (
                signed("from = \"a@example.com\"\nallow_inside = true"),
                "notices.ops.from",
                "only kind",
            ),
            (server.replace("b@example.com", "nobody"), "notices.ops.to", "address"),
            (server.replace("from = ", "tenant = "), "notices.ops.from", "address"),
            (chat.replace("\"ops\"", "\"Ops\""), "notices.1.name", "lower-case"),
            (format!("{chat}\n[[notices]]\n{chat}"), "notices.2.name", "of its own"),
        ]);
    }

    fn read(text: &str) -> NoticeEndpoint {
        let mut config: Config = toml::from_str(&format!("[[notices]]\n{text}")).unwrap();
        config.notices.remove(0)
    }

    #[test]
    fn a_change_of_address_or_secret_is_seen_and_a_change_of_words_is_not() {
        let print = |text: &str| read(text).fingerprint().unwrap();
        let url = "url = \"https://ops.example.com/a\"";
        let one = print(&with_secret(url));
        // It is kept: another for the same would have every endpoint begin anew.
        assert_eq!(one, "5e30971bf14c541a132cf976b08d66e0");
        for changed in [
            with_secret("url = \"https://ops.example.com/b\""),
            webhook(&format!("{url}\nsecret = \"{OTHER}\"")),
            webhook(&format!("{url}\nsecret = [\"{OTHER}\", \"{SECRET}\"]")),
            with_secret(&format!("{url}\nallow_inside = true")),
        ] {
            assert_ne!(print(&changed), one, "{changed}");
        }
        assert_eq!(print(&with_secret(&format!("{url}\nlanguage = \"ko\""))), one);
        // Nodes that have no second one yet go on telling it.
        let second = webhook(&format!("{url}\nsecret = [\"{SECRET}\", \"{OTHER}\"]"));
        assert_eq!(print(&second), one);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, format!("{SECRET}\n{OTHER}\n")).unwrap();
        let held = read(&webhook(&format!("{url}\nsecret_file = \"{}\"", file.path().display())));
        assert_eq!(
            (held.fingerprint().unwrap(), held.signing_keys().unwrap().len()),
            (one.clone(), 2)
        );
        let server = mail("url = \"smtps://smtp.example.com\"");
        let mail = print(&server);
        for (was, is) in [("a@example.com", "c@example.com"), ("b@example.com", "c@example.com")] {
            assert_ne!(print(&server.replace(was, is)), mail, "{is} for {was}");
        }
        let shown = read(&with_secret(url));
        assert!(!format!("{shown:?} {}", toml::to_string(&shown).unwrap()).contains("example.com"));
        let gone = read(&webhook(&format!("{url}\nsecret_file = \"/nowhere\"")));
        gone.fingerprint().unwrap_err();
    }

    #[test]
    fn without_a_choice_all_is_told_but_what_calls_for_nobody() {
        let text = with_secret("url = \"https://ops.example.com/a\"");
        let endpoint = toml::from_str::<Config>(&format!("[[notices]]\n{text}"))
            .unwrap()
            .notices
            .remove(0);
        let kinds = endpoint.subscription().kinds;
        assert_eq!(kinds.len(), NoticeKind::ALL.len() - 1);
        assert!(!kinds.contains(&NoticeKind::DistributionSettled));
    }
}
