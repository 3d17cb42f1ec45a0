//! Text that must never be shown.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::http::Answer;

/// Shorter ones would be found in every answer.
const FOUND_LEAST: usize = 12;

/// Longest name of a letter in XML, with its semicolon: of an answer that is all ampersands
/// not all is read for each.
const REFERENCE_MAX: usize = 10;

/// A token or a password. It is shown as stars wherever it is printed; only
/// [`Secret::reveal`] gives it, where a request is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    /// The error does not repeat what was there, as serde's own would.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from);
        text.map(Self)
            .map_err(|_told| D::Error::custom("it must be text, in quotes"))
    }
}

impl Secret {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives it, to be sent to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// An answer that repeats it, as an error may, with stars in its place: what a
    /// channel said is kept, and shown to people.
    pub(crate) fn kept_out_of(&self, mut answer: Answer) -> Answer {
        let secret = self.0.trim();
        let clean = (secret.len() >= FOUND_LEAST)
            .then(|| without(secret, &String::from_utf8_lossy(&answer.body)))
            .flatten();
        if let Some(clean) = clean {
            answer.body = clean.into();
        }
        answer
    }

    /// Nothing but white space is no secret.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// `text` with stars for each `secret`; nothing where it is not there.
fn without(secret: &str, text: &str) -> Option<String> {
    let first = *secret.as_bytes().first()?;
    let (mut clean, mut kept) = (String::new(), 0);
    for (at, byte) in text.bytes().enumerate() {
        // All of these begin a letter.
        if at < kept || !(byte == first || matches!(byte, b'\\' | b'&' | b'%')) {
            continue;
        }
        if let Some(rest) = after(secret, &text[at..]) {
            clean.push_str(&text[kept..at]);
            clean.push_str("***");
            kept = text.len() - rest.len();
        }
    }
    (kept > 0).then(|| clean + &text[kept..])
}

/// What follows the secret, which is written as it is, or as JSON, XML or an address
/// writes it: who reads the answer reads the secret. Controls within it are passed over,
/// since they are left out of what is shown.
fn after<'t>(secret: &str, text: &'t str) -> Option<&'t str> {
    let written = || {
        let mut rest = text;
        for (place, letter) in secret.chars().enumerate() {
            while let Some(after) = after_control(rest).filter(|_| place > 0) {
                rest = after;
            }
            let escaped = in_json(letter, rest).or_else(|| in_xml(letter, rest));
            let escaped = escaped.or_else(|| in_address(letter, rest));
            rest = escaped.or_else(|| rest.strip_prefix(letter))?;
        }
        Some(rest)
    };
    text.strip_prefix(secret).or_else(written)
}

fn after_control(text: &str) -> Option<&str> {
    let short = text
        .strip_prefix('\\')
        .and_then(|rest| rest.strip_prefix(['b', 'f', 'n', 'r', 't']));
    let controls = || (0..0xa0_u8).map(char::from).filter(|letter| letter.is_control());
    let escaped = || controls().find_map(|letter| in_json(letter, text).or_else(|| in_xml(letter, text)));
    text.strip_prefix(char::is_control).or(short).or_else(escaped)
}

fn in_json(letter: char, text: &str) -> Option<&str> {
    let after_slash = text.strip_prefix('\\')?;
    let is_marked = matches!(letter, '"' | '\\' | '/');
    if let Some(rest) = after_slash.strip_prefix(letter).filter(|_| is_marked) {
        return Some(rest);
    }
    letter.encode_utf16(&mut [0; 2]).iter().try_fold(text, |rest, unit| {
        let (digits, rest) = rest.strip_prefix("\\u")?.split_at_checked(4)?;
        (u16::from_str_radix(digits, 16).ok()? == *unit).then_some(rest)
    })
}

fn in_xml(letter: char, text: &str) -> Option<&str> {
    let text = text.strip_prefix('&')?;
    let end = text.bytes().take(REFERENCE_MAX).position(|byte| byte == b';')?;
    let (name, rest) = (&text[..end], &text[end + 1..]);
    let number = name
        .strip_prefix('#')
        .and_then(|digits| match digits.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => digits.parse().ok(),
        });
    let named = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => number.and_then(char::from_u32),
    };
    (named == Some(letter)).then_some(rest)
}

fn in_address(letter: char, text: &str) -> Option<&str> {
    if letter == ' ' {
        return text.strip_prefix('+').or_else(|| text.strip_prefix("%20"));
    }
    letter.encode_utf8(&mut [0; 4]).bytes().try_fold(text, |rest, byte| {
        let (digits, rest) = rest.strip_prefix('%')?.split_at_checked(2)?;
        (u8::from_str_radix(digits, 16).ok()? == byte).then_some(rest)
    })
}

/// A secret that may be replaced while it is used; clones are the same one.
#[derive(Debug, Clone)]
pub struct Token(Arc<RwLock<Secret>>);

impl Token {
    /// As it is now.
    pub fn get(&self) -> Secret {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls that begin from now on are made with this.
    pub fn set(&self, secret: Secret) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secret;
    }
}

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self(Arc::new(RwLock::new(secret)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &'static str) -> Answer {
        Answer {
            status: http::StatusCode::BAD_REQUEST,
            headers: http::HeaderMap::new(),
            body: body.into(),
            cut: false,
        }
    }

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("canary");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }

    #[test]
    fn an_answer_that_repeats_it_is_starred() {
        let secret = Secret::new("canary-canary\n");
        let words = secret
            .kept_out_of(answer("Malformed access token canary-canary."))
            .words();
        assert_eq!(words, "400 Malformed access token ***.");
        assert_eq!(secret.kept_out_of(answer("가 \u{0}")).body, answer("가 \u{0}").body);
        let short = Secret::new("token").kept_out_of(answer("no token"));
        assert_eq!(short.words(), "400 no token", "a word is no secret");
    }

    /// It is in no answer that is shown, and in none whose text is read out of JSON or XML.
    #[test]
    fn it_is_found_however_it_is_written() {
        let secret = Secret::new("ca/na&ry <\"가\">");
        for (said, kept) in [
            ("a ca/na&ry <\"가\"> b", "a *** b"),
            (r#"{"a": "ca\/na&ry <\"가\">"}"#, r#"{"a": "***"}"#),
            (r#""\u0063a/na\u0026ry \u003c\"\uac00\"\u003E""#, r#""***""#),
            ("<a>ca/na&amp;ry &lt;\"가\"></a>", "<a>***</a>"),
            ("<a>ca&#47;na&#x26;ry &lt;&quot;가&quot;&gt;</a>", "<a>***</a>"),
            ("?a=ca%2Fna%26ry+%3C%22%EA%B0%80%22%3E&b", "?a=***&b"),
            ("ca%2fna%26ry%20%3c%22%ea%b0%80%22%3e", "***"),
            ("ca/na&ry <\"가\">ca/na&ry <\"가\">", "******"),
            ("ca/na\r\n&ry\u{12} <\"가\">\n", "***\n"),
            (r#""ca\/\nna&\u000dry <\"\u0085가\">""#, r#""***""#),
            ("<a>ca/na&#10;&amp;ry &lt;&quot;가&quot;></a>", "<a>***</a>"),
            ("&#00000000000000000099;a/na&ry", "&#00000000000000000099;a/na&ry"),
            ("ca/na&ry <\"가 &amp; \\u %2 & \\", "ca/na&ry <\"가 &amp; \\u %2 & \\"),
        ] {
            assert_eq!(secret.kept_out_of(answer(said)).body, kept, "{said}");
        }
        let written = "canary&amp;canary";
        assert_eq!(Secret::new(written).kept_out_of(answer(written)).body, "***");
    }
}
