//! The booking, which costs money, and the wait until the channel has reviewed it.

use std::time::Duration;

use fanfare_core::attempt::{Observation, Retry, StepOutcome};
use fanfare_core::channel::ChannelState;
use fanfare_core::delivery::Failure;
use fanfare_core::engine::Call;
use fanfare_core::receipt::Receipt;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::checkpoint::{Booking, Stage};
use super::error::{State, heard};
use super::steps::{advanced, rejected, rejected_at};
use super::wire::{self, Line};
use super::{GenieTvClient, key_of};
use crate::api::Body;
use crate::contract::Heard;
use crate::failure;
use crate::http::{Answer, ExchangeError};

/// Between two looks at a booking, at most.
const POLL_MOST: Duration = Duration::from_mins(5);

/// A booking whose state can't be read for so long is doubted.
const PATIENCE: Duration = Duration::from_hours(1);

impl GenieTvClient {
    /// The one step that costs something.
    pub(super) async fn book(&self, call: &Call, order: String, line: String, now: Timestamp) -> StepOutcome {
        let path = self.path(&["orders", &order, "lines", &line]);
        let body = Body::Json {
            value: &json!({}),
            key: &key_of(call, "book"),
        };
        let answer = match self.api.put(call, &path, Some("book"), body).await {
            Ok(answer) => answer,
            Err(error @ ExchangeError::NotSent(..)) => {
                let why = failure::unavailable().said(&error.words());
                return rejected_at(Some(Stage::Ready { order, line }), why, Retry::Backoff);
            }
            Err(error @ ExchangeError::Lost { .. }) => {
                return StepOutcome::Unknown(failure::outcome_unknown().said(&error.words()));
            }
        };
        let read = match heard(&answer, now) {
            Heard::Taken => line_of(&answer, &line),
            Heard::Known => self.read(call, &order, &line, now).await.ok(),
            Heard::Refused(why, Retry::Never) => return rejected(why.said(&answer.words()), Retry::Never),
            Heard::Refused(why, retry) => {
                return rejected_at(Some(Stage::Ready { order, line }), why.said(&answer.words()), retry);
            }
            Heard::Unclear => None,
        };
        match read.map(|read| (read.state(), read)) {
            Some((State::Booked(state), read)) => StepOutcome::Confirmed(receipt(call, read, state, now)),
            // What it says of a review is asked for again: after a doubt, too,
            // its answer then counts.
            Some((State::Pending | State::Declined, _)) => {
                advanced(Stage::Booking(Booking::new(order, line, now)), false)
            }
            Some((State::Draft | State::Unknown, _)) | None => {
                StepOutcome::Unknown(failure::outcome_unknown().said(&answer.words()))
            }
        }
    }

    /// Waits until the channel has decided.
    pub(super) async fn poll(&self, call: &Call, booking: Booking, now: Timestamp) -> StepOutcome {
        let (why, heard) = match self.read(call, &booking.order, &booking.line, now).await {
            Ok(read) => match read.state() {
                State::Booked(state) => return StepOutcome::Confirmed(receipt(call, read, state, now)),
                // Out of the doubt first: what is said then counts.
                State::Pending | State::Declined if booking.unread_since.is_some() => {
                    let unread_since = None;
                    return advanced(
                        Stage::Booking(Booking {
                            unread_since,
                            ..booking
                        }),
                        false,
                    );
                }
                State::Declined => return rejected(failure::declined().said(&read.reason()), Retry::Never),
                State::Pending => return self.later(&booking, now),
                // A booking that was taken does not become a draft again.
                State::Draft | State::Unknown => (failure::unavailable().said(&read.reason()), true),
            },
            Err(why) => (why, false),
        };
        match booking.unread_since {
            // What was seen is kept, and asked for once more at once.
            None => {
                let unread_since = Some(now);
                advanced(
                    Stage::Booking(Booking {
                        unread_since,
                        ..booking
                    }),
                    false,
                )
            }
            Some(since) if age(since, now) < PATIENCE && heard => self.later(&booking, now),
            Some(since) if age(since, now) < PATIENCE => StepOutcome::PollFailed {
                poll_after: self.until_next(&booking, now),
                why,
            },
            Some(_) => StepOutcome::Unknown(failure::in_doubt(why)),
        }
    }

    /// What has become of what was booked: on air, or taken back. Its other fields stay
    /// as they were when it was booked, and a word that says neither leaves it so.
    pub(super) async fn look_again(&self, call: &Call, now: Timestamp) -> Observation {
        let (order, line) = match Stage::of(call) {
            Ok(Some(Stage::Booking(booking))) => (booking.order, booking.line),
            Ok(Some(Stage::Ready { order, line })) => (order, line),
            // A person said that it is live, or a later version keeps what this one can't read.
            Ok(_) | Err(_) => return Observation::Untold,
        };
        let Some(receipt) = call.delivery.receipt.clone() else {
            return Observation::Untold;
        };
        let read = match self.read(call, &order, &line, now).await {
            Ok(read) => read,
            Err(why) => return Observation::unknown(why),
        };
        let state = match read.state() {
            State::Declined => {
                return Observation::Declined {
                    failure: failure::taken_back().said(&read.reason()),
                    checkpoint: None,
                };
            }
            State::Booked(state) => state,
            State::Pending | State::Draft | State::Unknown => receipt.state,
        };
        Observation::Stands {
            receipt: Receipt { state, ..receipt },
            checkpoint: None,
        }
    }

    /// A review takes minutes or days: the older, the less often.
    fn later(&self, booking: &Booking, now: Timestamp) -> StepOutcome {
        StepOutcome::Pending {
            poll_after: self.until_next(booking, now),
        }
    }

    fn until_next(&self, booking: &Booking, now: Timestamp) -> Duration {
        let shortest = self.settings.poll_interval;
        (age(booking.since, now) / 10).clamp(shortest, POLL_MOST.max(shortest))
    }

    /// The line as the channel has it, or why it can't be read.
    async fn read(&self, call: &Call, order: &str, line: &str, now: Timestamp) -> Result<Line, Failure> {
        let path = self.path(&["orders", order, "lines", line]);
        let answer = match self.api.get(call, &path, &[]).await {
            Ok(answer) => answer,
            Err(error) => return Err(failure::unavailable().said(&error.words())),
        };
        let why = match heard(&answer, now) {
            Heard::Taken if answer.status == StatusCode::OK => match line_of(&answer, line) {
                Some(read) => return Ok(read),
                None => failure::unavailable(),
            },
            // It is there, and says what is wrong.
            Heard::Refused(why, _) => why,
            Heard::Taken | Heard::Known | Heard::Unclear => failure::unavailable(),
        };
        Err(why.said(&answer.words()))
    }
}

impl Booking {
    fn new(order: String, line: String, now: Timestamp) -> Self {
        Self {
            order,
            line,
            since: now,
            unread_since: None,
        }
    }
}

pub(super) fn line_of(answer: &Answer, line: &str) -> Option<Line> {
    answer.json::<Line>().ok().filter(|read| read.is(line))
}

fn receipt(call: &Call, read: Line, state: ChannelState, now: Timestamp) -> Receipt {
    let ordered = wire::content(call, now).and_then(|content| content.impression_schedule);
    read.receipt(state, ordered)
}

/// How long ago `since` is; nothing where a clock went back.
fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
