//! Where the protocol stands between two steps. It is stored with the delivery,
//! so its form is kept readable for later versions. It holds no number (I20).

use fanfare_core::delivery::{Checkpoint, Failure};
use fanfare_core::engine::Call;
use fanfare_core::recipients::RecipientCounts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure;

/// What is done, and what the next step needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase")]
pub(super) enum Stage {
    /// It is to be seen who is in the next request.
    Cutting(Progress),
    /// The next request can be sent, or an unclear one is being looked up.
    Sending(Sending),
    /// Everything is sent; what became of it is asked.
    Results(Progress),
}

/// What is sent so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    /// The uploaded picture.
    pub(super) image: String,
    /// Of its file: the record of what was sent. Absent in those of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// The next request, from 1; part of its key.
    pub(super) chunk: u32,
    /// Up to which bucket people have been sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<u16>,
    /// Since when nothing more was sent.
    pub(super) since: Timestamp,
    /// What the channel took.
    #[serde(default)]
    pub(super) requests: Vec<Request>,
    /// How many people, by what became of it; [`Checkpoint::recipients`] shows this.
    /// Who was sent it is counted anew whenever this is written: earlier versions did
    /// not, and may have written what is read.
    pub(super) counts: RecipientCounts,
    /// In a round of later looks: as many of the requests are done.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) seen_until: usize,
}

/// The next request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sending {
    #[serde(flatten)]
    pub(super) progress: Progress,
    /// Its last bucket.
    pub(super) until: u16,
    /// Why it must be looked up before it can be sent.
    #[serde(default)]
    pub(super) doubt: Doubt,
    /// Look-ups that did not find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) empty: Option<Empty>,
}

/// What is known of a request beside that its answer was not clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Doubt {
    /// Nothing.
    #[default]
    None,
    /// The channel says that it knows the key.
    KeyKnown,
    /// The channel says that it was sent, and may arrive for three days: not to be
    /// found is no proof.
    Sent,
}

/// Look-ups in a row that found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Empty {
    /// When the first was, by the channel's clock.
    pub(super) since: Timestamp,
    pub(super) looks: u32,
}

/// A request that the channel took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    /// The channel's own name for it.
    pub(super) id: String,
    /// People whom it took.
    pub(super) taken: u32,
    /// What became of all of them is known, and counted.
    #[serde(default)]
    pub(super) settled: bool,
    /// It arrived with so many, as a later look found.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) delivered: u32,
    /// And did not with so many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) failed: u32,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

impl Stage {
    /// The delivery's; `None` before the first step has ended.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Failure> {
        let Some(checkpoint) = &call.delivery.checkpoint else {
            return Ok(None);
        };
        Self::read(checkpoint).map(Some)
    }

    pub(super) fn read(checkpoint: &Checkpoint) -> Result<Self, Failure> {
        let unreadable = |error| failure::outcome_unknown().said(&format!("unreadable checkpoint: {error}"));
        Self::deserialize(&checkpoint.0).map_err(unreadable)
    }

    /// Nobody has been sent anything, for certain.
    pub(super) fn has_reached_nobody(&self) -> bool {
        match self {
            Self::Cutting(progress) => progress.requests.is_empty(),
            Self::Sending(sending) => sending.progress.requests.is_empty() && sending.doubt == Doubt::None,
            Self::Results(_) => false,
        }
    }

    /// How far it is: of two of one delivery, the greater is the later one, but for a
    /// request that is cut anew; taken back to what it was, it is cut anew once more.
    pub(super) fn rank(&self) -> (u32, u8, usize) {
        let (stage, progress) = match self {
            Self::Cutting(progress) => (0, progress),
            Self::Sending(sending) => (1 + sending.doubt as u8, &sending.progress),
            Self::Results(progress) => (9, progress),
        };
        let settled = progress.requests.iter().filter(|request| request.settled).count();
        (progress.chunk, stage, settled)
    }
}

impl Progress {
    /// Nobody has been sent anything.
    pub(super) fn new(image: String, sha256: String, now: Timestamp) -> Self {
        Self {
            image,
            sha256: Some(sha256),
            chunk: 1,
            after: None,
            since: now,
            requests: Vec::new(),
            counts: RecipientCounts::default(),
            seen_until: 0,
        }
    }

    /// The channel has taken a request, or refused everybody in it.
    pub(super) fn sent(mut self, until: u16, request: Option<Request>, refused: usize, now: Timestamp) -> Self {
        self.requests.extend(request);
        self.counts.refused = self.counts.refused.saturating_add(count(refused));
        self.after = Some(until);
        self.chunk = self.chunk.saturating_add(1);
        self.since = now;
        self
    }

    /// With the number of those who were sent it.
    fn counted(mut self) -> Self {
        let taken = self.requests.iter().map(|request| request.taken);
        self.counts.sent = taken.fold(0, u32::saturating_add);
        self
    }
}

impl Request {
    /// To so many people, of whom the channel refused some at once.
    pub(super) fn new(id: String, people: usize, refused: usize) -> Self {
        Self {
            id,
            taken: count(people.saturating_sub(refused)),
            settled: false,
            delivered: 0,
            failed: 0,
        }
    }
}

impl Sending {
    /// To be sent, and in no doubt.
    pub(super) fn clean(progress: Progress, until: u16) -> Self {
        Self {
            progress,
            until,
            doubt: Doubt::None,
            empty: None,
        }
    }
}

impl From<Stage> for Checkpoint {
    fn from(stage: Stage) -> Self {
        let stage = match stage {
            Stage::Cutting(progress) => Stage::Cutting(progress.counted()),
            Stage::Sending(sending) => Stage::Sending(Sending {
                progress: sending.progress.counted(),
                ..sending
            }),
            Stage::Results(progress) => Stage::Results(progress.counted()),
        };
        Self(serde_json::json!(stage))
    }
}

/// No list has more people than that.
pub(super) fn count(people: usize) -> u32 {
    u32::try_from(people).unwrap_or(u32::MAX)
}
