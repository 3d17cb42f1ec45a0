//! How much of anything a body may hold, whatever channel it is for. These
//! bound memory and the database; a channel's own limits are narrower and are
//! in `validate/<channel>.rs`. All are our proposal \[D\].

/// What a text may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextRule {
    /// Longest, in characters.
    pub(super) max: usize,
    /// May have line breaks and tabs.
    pub(super) lines: bool,
}

const fn line(max: usize) -> TextRule {
    TextRule { max, lines: false }
}

/// `eventId`; as wide as the column that holds it.
pub(super) const EVENT_ID: TextRule = line(256);
/// `content.body`, a caption, a message, a blog post.
pub(super) const TEXT: TextRule = TextRule {
    max: 65_536,
    lines: true,
};
/// `content.title`, a blog post's title.
pub(super) const TITLE: TextRule = line(200);
/// Any URL; what browsers and channels commonly take.
pub(super) const URL: TextRule = line(2_048);
/// One hashtag, without `#`.
pub(super) const HASHTAG: TextRule = line(100);
/// Why an operator orders something.
pub(super) const REASON: TextRule = line(500);
/// What stands on a button, and a reference to a recipient list.
pub(super) const NAME: TextRule = line(200);
/// Words of a fixed form: channel names, dates, regions, telephone numbers.
pub(super) const WORD: TextRule = line(64);

/// Items of any list, before a channel's own limit.
pub(super) const ITEMS: usize = 100;
/// Faults that are listed; one more says that there were more.
pub(crate) const FAULTS: usize = 200;
/// How far ahead `scheduledAt` may lie, in days.
pub(super) const SCHEDULED_AHEAD_DAYS: i64 = 366;
/// How far behind `scheduledAt` may lie, in seconds: clocks differ, and a
/// request takes its time.
pub(super) const SCHEDULED_BEHIND_SECONDS: i64 = 60;
