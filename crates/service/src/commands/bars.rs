//! How a distribution comes along, channel by channel: live bars on a terminal,
//! one plain line a change elsewhere.
//!
//! A bar shows what the service says and nothing else; a mock is done at once,
//! and so is its bar.

use std::collections::HashMap;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::answer::{Row, name_of};
use super::failure::Failure;
use super::screen::{Screen, Tone, millis, pad};

/// From PENDING over everything between to SUCCESS, FAILED or CANCELLED.
const STEPS: u64 = 2;

/// Columns of the longest Korean name.
const NAME_COLUMNS: usize = 13;

/// The bars of one distribution.
pub(super) struct Bars {
    screen: Screen,
    begun: Instant,
    multi: MultiProgress,
    by_channel: Vec<(String, ProgressBar)>,
    shown: HashMap<String, String>,
}

impl Bars {
    /// One bar a channel, all empty.
    pub(super) fn new(screen: Screen, channels: &[String]) -> Self {
        let target = if screen.terminal {
            ProgressDrawTarget::stdout()
        } else {
            ProgressDrawTarget::hidden()
        };
        let multi = MultiProgress::with_draw_target(target);
        let bar = |channel: &String| {
            let bar = multi.add(ProgressBar::new(STEPS).with_style(style(Tone::Mind)));
            bar.set_prefix(pad(name_of(channel), NAME_COLUMNS));
            bar.set_message("sending");
            (channel.clone(), bar)
        };
        let by_channel: Vec<_> = channels.iter().map(bar).collect();
        for (_, bar) in &by_channel {
            bar.tick();
        }
        Self {
            screen,
            begun: Instant::now(),
            multi,
            by_channel,
            shown: HashMap::new(),
        }
    }

    /// Shows what has changed.
    pub(super) fn show(&mut self, rows: &[Row]) -> Result<(), Failure> {
        // One time for all that is seen at once.
        let after = millis(self.begun.elapsed());
        for row in rows {
            let shown = self.shown.insert(row.channel.clone(), row.status.clone());
            if shown.as_ref() != Some(&row.status) {
                self.change(row, &after)?;
            }
        }
        Ok(())
    }

    /// Leaves the bars as they stand.
    pub(super) fn end(self) -> Result<(), Failure> {
        for (_, bar) in self.by_channel.iter().filter(|(_, bar)| !bar.is_finished()) {
            bar.abandon();
        }
        // The last bar leaves the cursor behind it.
        if self.multi.is_hidden() {
            Ok(())
        } else {
            self.screen.say("")
        }
    }

    fn change(&self, row: &Row, after: &str) -> Result<(), Failure> {
        let tone = Tone::of_status(&row.status);
        let words = format!("{:<12} {}", row.status, row.mode);
        if self.multi.is_hidden() {
            let code = if row.code.is_empty() {
                String::new()
            } else {
                format!("  {}", row.code)
            };
            return self
                .screen
                .say(format!("  {}  {words}  {after}{code}", pad(row.name(), NAME_COLUMNS)));
        }
        if let Some((_, bar)) = self.by_channel.iter().find(|(channel, _)| *channel == row.channel) {
            bar.set_style(style(tone));
            bar.set_position(position(row));
            bar.set_message(words);
            if !row.moves() {
                bar.abandon_with_message(format!("{:<12} {:<4}  {after}", row.status, row.mode));
            }
        }
        Ok(())
    }
}

fn position(row: &Row) -> u64 {
    match row.status.as_str() {
        "PENDING" => 0,
        "SUCCESS" | "FAILED" | "CANCELLED" => STEPS,
        _ => 1,
    }
}

fn style(tone: Tone) -> ProgressStyle {
    let colour = match tone {
        Tone::Good => "green",
        Tone::Bad => "red",
        Tone::Mind | Tone::Strong | Tone::Faint => "yellow",
    };
    // The template is fixed: were it wrong, the plain bar would do.
    ProgressStyle::with_template(&format!(
        "  {{prefix}}  {{bar:28.{colour}/black.bright}}  {{msg:.{colour}}}"
    ))
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("━━╌")
}
