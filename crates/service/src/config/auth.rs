//! When an API key is asked for. It can be asked for more often than by default,
//! never less: no setting opens a door that others can reach.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// API keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// When a key is asked for: `"auto"` or `true`.
    pub required: AuthRequired,
}

/// When a key is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthRequired {
    /// Where other machines can reach the door, and as soon as there is a key.
    #[default]
    Auto,
    /// Always.
    Always,
}

impl Serialize for AuthRequired {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Always => serializer.serialize_bool(true),
        }
    }
}

impl<'de> Deserialize<'de> for AuthRequired {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AutoOrTrue)
    }
}

struct AutoOrTrue;

impl Visitor<'_> for AutoOrTrue {
    type Value = AuthRequired;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"auto\" or true (asking for keys cannot be switched off)")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<AuthRequired, E> {
        if value {
            return Ok(AuthRequired::Always);
        }
        Err(E::invalid_value(serde::de::Unexpected::Bool(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<AuthRequired, E> {
        if value == "auto" {
            return Ok(AuthRequired::Auto);
        }
        Err(E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_auto_or_true_and_reads_what_it_writes() {
        let read = |value: &str| toml::from_str::<Auth>(&format!("required = {value}"));
        for (text, required) in [("\"auto\"", AuthRequired::Auto), ("true", AuthRequired::Always)] {
            let auth = read(text).unwrap();
            assert_eq!(auth.required, required);
            assert_eq!(toml::to_string(&auth).unwrap().trim(), format!("required = {text}"));
        }
        for bad in ["false", "\"false\"", "\"true\"", "0", "\"never\""] {
            assert!(
                read(bad).unwrap_err().to_string().contains("cannot be switched off"),
                "{bad}"
            );
        }
    }
}
