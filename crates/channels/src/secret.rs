//! Text that must never be shown.

use std::fmt;

use serde::Deserialize;

/// A token or a password. It is shown as stars wherever it is printed; only
/// [`Secret::reveal`] gives it, where a request is made.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives it, to be sent to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Nothing but white space is no secret.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
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

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("canary");
        assert!(!format!("{secret:?} {:#?}", Some(&secret)).contains("canary"));
    }
}
