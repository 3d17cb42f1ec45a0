//! Where a channel's protocol stands, as it is kept with the delivery: a client's own
//! words, but for what is noted in it for all. What a client writes there is its own
//! affair.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::recipients::RecipientCounts;

/// Where a protocol of several steps stands: opaque to all but the channel's client,
/// save that a person has put an end to it ([`Checkpoint::of_person`]), how many
/// people were sent it ([`Checkpoint::recipients`]), and which files the channel is
/// given ([`Checkpoint::files`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checkpoint(pub Value);

impl Checkpoint {
    /// A person said that it is live, and what it is called there: no client takes
    /// that for its own, since it may be mistyped, or somebody else's.
    pub fn of_person() -> Self {
        Self(serde_json::json!({ "stage": "person" }))
    }

    /// Notes that the channel is given the file at `url` as it was when it had this
    /// SHA-256.
    #[must_use]
    pub fn given(mut self, url: &str, sha256: &str) -> Self {
        if let Some(object) = self.0.as_object_mut() {
            let files = object.entry("files").or_insert_with(|| serde_json::json!({}));
            if let Some(files) = files.as_object_mut() {
                files.insert(url.to_owned(), sha256.into());
            }
        }
        self
    }

    /// The files that the channel is given: each address, and the SHA-256 of what lay there.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.0.get("files").and_then(Value::as_object);
        let pairs = files.into_iter().flatten();
        pairs.filter_map(|(url, sha256)| Some((url.as_str(), sha256.as_str()?)))
    }

    /// What became of a message to many people, where the client counts them: as
    /// `counts`. Nothing where an earlier version wrote it, which did not count all of
    /// these: a zero in their place would be wrong.
    pub fn recipients(&self) -> Option<RecipientCounts> {
        let counts = self.0.get("counts")?;
        counts.get("sent")?;
        RecipientCounts::deserialize(counts).ok()
    }
}
