//! What is wrong with a request, and where.

use serde::Serialize;

use crate::channel::Channel;
use crate::text::Text;

/// One thing wrong with a request. All of them are found before anything is
/// stored or sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a JSON pointer into the body (RFC 6901), such as
    /// `/channelOptions/Instagram/caption`.
    pub pointer: String,
    /// What: a stable word, such as `too_long`.
    pub code: &'static str,
    /// What, and how to mend it.
    pub detail: Text,
    /// The channel that cannot be served, where it is not the whole request.
    pub channel: Option<Channel>,
}

impl Fault {
    /// A fault of the request as a whole.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: Text) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail,
            channel: None,
        }
    }

    /// The same fault, laid to one channel.
    #[must_use]
    pub fn of(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }
}

/// Escapes one reference token of a JSON pointer (RFC 6901, section 3).
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
