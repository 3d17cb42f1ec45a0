//! What must be true in the end, of what was seen.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::CHANNEL;
use super::play::{Announced, Play};
use super::told::{Listeners, WHO};
use crate::commands::failure::Failure;
use crate::commands::screen::{Screen, Tone, millis};
use crate::commands::simulated::Service;

/// What is promised, and whether it was kept.
struct Promise {
    words: String,
    kept: bool,
}

/// All of it.
pub(super) struct Ending {
    promises: Vec<Promise>,
    lost: usize,
    repeated: usize,
    left_to_a_person: usize,
}

impl Ending {
    pub(super) fn of(play: &Play<'_>, service: &Service, listeners: &Listeners) -> Self {
        let effects = service.effects();
        // What the channel named each booking, in the order in which they came to be.
        let booked: Vec<_> = effects.iter().filter(|effect| effect.channel == CHANNEL.1).collect();
        let of = |one: &Announced| {
            let fields = one.silent().map(|row| &row.fields);
            let is = |id: &str| fields.is_some_and(|fields| fields.iter().any(|(_, value)| value == id));
            booked.iter().position(|effect| is(&effect.remote_id))
        };
        let places: Vec<_> = play.announced.iter().map(of).collect();
        let known: BTreeSet<_> = places.iter().flatten().collect();
        let rows = || play.announced.iter().flat_map(|one| &one.answer.rows);
        let lost = rows()
            .filter(|row| !matches!(&*row.status, "SUCCESS" | "NEEDS_REVIEW"))
            .count();
        let left_to_a_person = rows().filter(|row| row.status == "NEEDS_REVIEW").count();
        let repeated = booked.len() - known.len();
        Self {
            promises: vec![
                others(play),
                breaker(play),
                waiting(play),
                told(listeners),
                Promise {
                    words: "what waited was finished in the order in which it was accepted, one call at a time"
                        .to_owned(),
                    kept: places.is_sorted() && places.iter().all(Option::is_some),
                },
                Promise {
                    words: format!("lost {lost}, repeated {repeated}, left to a person {left_to_a_person}"),
                    kept: (lost, repeated, left_to_a_person) == (0, 0, 0),
                },
            ],
            lost,
            repeated,
            left_to_a_person,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.promises.iter().all(|promise| promise.kept)
    }

    pub(super) fn say(&self, screen: Screen) -> Result<(), Failure> {
        screen.say("")?;
        for Promise { words, kept } in &self.promises {
            let (mark, tone) = if *kept { ("✔", Tone::Good) } else { ("✘", Tone::Bad) };
            screen.say(format_args!("  {} {words}", screen.paint(tone, mark)))?;
        }
        Ok(())
    }

    pub(super) fn json(&self, play: &Play<'_>) -> Value {
        let promises = self.promises.iter();
        json!({
            "events": play.announced.len(),
            "breaker": play.breaker,
            "promises": promises.map(|one| json!({"words": one.words, "kept": one.kept})).collect::<Vec<_>>(),
            "lost": self.lost,
            "repeated": self.repeated,
            "leftToAPerson": self.left_to_a_person,
        })
    }
}

fn others(play: &Play<'_>) -> Promise {
    let after: Vec<_> = play.announced.iter().map(|one| one.others_after).collect();
    let slowest = after.iter().flatten().max().copied().unwrap_or(Duration::ZERO);
    Promise {
        words: format!(
            "the other five channels succeeded for each of {} events, within {}",
            after.len(),
            millis(slowest)
        ),
        kept: after.iter().all(Option::is_some),
    }
}

fn breaker(play: &Play<'_>) -> Promise {
    let opened = play.breaker.iter().filter(|state| *state == "OPEN").count();
    let closed = play.breaker.last().is_some_and(|state| state == "CLOSED");
    Promise {
        words: format!("the breaker opened, and closed by itself: {}", play.breaker.join(" → ")),
        kept: opened > 0 && closed,
    }
}

fn waiting(play: &Play<'_>) -> Promise {
    Promise {
        words: format!(
            "{} deliveries waited in the open, with the reason breaker_open",
            play.waited.len()
        ),
        kept: play.waited.len() > 10,
    }
}

fn told(listeners: &Listeners) -> Promise {
    let of_breaker = |kind| WHO.map(|(who, _)| listeners.times(who, kind));
    let told = ["breaker.opened", "breaker.closed"].map(of_breaker);
    let others = listeners.heard().len() - told.iter().flatten().sum::<usize>();
    Promise {
        words: format!(
            "operator and owner were told once that it opened and once that it closed (other notices: {others})"
        ),
        kept: told == [[1; 2]; 2] && others == 0,
    }
}
