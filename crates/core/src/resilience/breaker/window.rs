//! The outcomes that are judged together: a ring, with its sum kept beside it, so
//! that a call costs the same however many are in it.

use std::time::Duration;

use jiff::Timestamp;

use super::settings::SlidingWindow;

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        self.slow = self.slow.saturating_add(other.slow);
    }

    fn subtract(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }

    /// One outcome.
    pub(super) fn one(failed: bool, slow: bool) -> Self {
        Self {
            calls: 1,
            failed: u32::from(failed),
            slow: u32::from(slow),
        }
    }

    /// Whether that share of it, in percent, is at or above the threshold.
    fn reaches(self, part: u32, threshold: u32) -> bool {
        u64::from(part) * 100 >= u64::from(threshold) * u64::from(self.calls)
    }

    pub(super) fn fails_too_often(self, threshold: u32) -> bool {
        self.reaches(self.failed, threshold)
    }

    pub(super) fn is_too_slow(self, threshold: u32) -> bool {
        self.reaches(self.slow, threshold)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Window {
    sum: Counts,
    /// One bucket a call, or one a stretch of time.
    ring: Box<[Counts]>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Where the next call goes.
    Count { next: usize },
    /// Seconds of a bucket, and the number of the current one since 1970.
    Time { seconds: i64, current: i64 },
}

impl Window {
    pub(super) fn new(settings: SlidingWindow) -> Self {
        let (size, kind) = match settings {
            SlidingWindow::Count { size } => (size, Kind::Count { next: 0 }),
            SlidingWindow::Time { buckets, bucket } => {
                let seconds = i64::try_from(bucket.max(Duration::from_secs(1)).as_secs()).unwrap_or(i64::MAX);
                (buckets, Kind::Time { seconds, current: 0 })
            }
        };
        Self {
            sum: Counts::default(),
            ring: vec![Counts::default(); size.max(1) as usize].into(),
            kind,
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.sum = Counts::default();
        self.ring.fill(Counts::default());
    }

    /// Takes one outcome in, and says what is counted now.
    pub(super) fn record(&mut self, outcome: Counts, now: Timestamp) -> Counts {
        let place = match &mut self.kind {
            Kind::Count { next } => {
                let place = *next;
                *next = (place + 1) % self.ring.len();
                self.sum.subtract(std::mem::take(&mut self.ring[place]));
                place
            }
            Kind::Time { seconds, current } => {
                let bucket = now.as_second().div_euclid(*seconds);
                let before = std::mem::replace(current, bucket);
                self.turn(before, bucket);
                self.place(bucket)
            }
        };
        self.ring[place].add(outcome);
        self.sum.add(outcome);
        self.sum
    }

    /// Drops the buckets that are too old now. A clock that goes back loses all
    /// of them, rather than keep them for as long as it went.
    fn turn(&mut self, before: i64, bucket: i64) {
        let passed = bucket.saturating_sub(before);
        if passed < 0 || usize::try_from(passed).is_ok_and(|passed| passed >= self.ring.len()) {
            return self.clear();
        }
        for old in before + 1..=bucket {
            let place = self.place(old);
            self.sum.subtract(std::mem::take(&mut self.ring[place]));
        }
    }

    fn place(&self, bucket: i64) -> usize {
        let buckets = i64::try_from(self.ring.len()).unwrap_or(i64::MAX);
        usize::try_from(bucket.rem_euclid(buckets)).unwrap_or_default()
    }

    /// The most calls that can be in it.
    pub(super) fn capacity(&self) -> u32 {
        match self.kind {
            Kind::Count { .. } => u32::try_from(self.ring.len()).unwrap_or(u32::MAX),
            Kind::Time { .. } => u32::MAX,
        }
    }
}
