//! A distribution's results as a table.

use comfy_table::{Attribute, Cell, ColumnConstraint, Table, Width};

use super::answer::{Answer, Row};
use super::screen::{Screen, Tone};

/// The longest Korean name, `네이버 블로그`, with its padding.
const NAME_COLUMNS: u16 = 15;

/// The table, and below it what a person must do: an address that is broken over
/// the lines of a table can't be followed.
pub(super) fn whole(screen: Screen, answer: &Answer) -> String {
    let to_do = answer.rows.iter().filter(|row| !row.action_url.is_empty());
    let lines = to_do.map(|row| format!("\n{}: {}", row.name(), row.action_url));
    format!("{}{}", table(screen, answer), lines.collect::<String>())
}

/// The table alone.
pub(super) fn table(screen: Screen, answer: &Answer) -> Table {
    let mut table = screen.table();
    table.set_header(["Channel", "Status", "Mode", "Result"].map(heading));
    // Names and words stay whole; the last column takes what is left.
    let whole = ColumnConstraint::ContentWidth;
    let name = ColumnConstraint::LowerBoundary(Width::Fixed(NAME_COLUMNS));
    table.set_constraints([name, whole, whole]);
    for row in &answer.rows {
        let status = toned(&standing(row), Tone::of_status(&row.status));
        let mode = if row.mode == "mock" {
            toned(&row.mode, Tone::Mind)
        } else {
            Cell::new(&row.mode)
        };
        table.add_row([Cell::new(row.name()), status, mode, Cell::new(said(row))]);
    }
    table
}

pub(super) fn heading(text: &str) -> Cell {
    Cell::new(text).add_attribute(Attribute::Bold)
}

pub(super) fn toned(text: &str, tone: Tone) -> Cell {
    match tone.colour() {
        Some(colour) => Cell::new(text).fg(colour),
        None => Cell::new(text),
    }
}

/// The status, and below it how far the proof goes, where that is farther than
/// the channel's acceptance.
fn standing(row: &Row) -> String {
    match row.channel_state.as_str() {
        "" | "accepted" => row.status.clone(),
        state => format!("{}\n{state}", row.status),
    }
}

/// What the channel gave, or why it gave nothing: one thing a line.
fn said(row: &Row) -> String {
    let mut lines: Vec<String> = row.fields.iter().map(|(key, value)| format!("{key} {value}")).collect();
    if !row.code.is_empty() {
        lines.push(row.code.clone());
    }
    if !row.message.is_empty() {
        lines.push(row.message.clone());
    }
    if !row.action_until.is_empty() {
        lines.push(format!("until {}", row.action_until));
    }
    if !row.retry_at.is_empty() {
        lines.push(format!("next try {}", row.retry_at));
    }
    lines.join("\n")
}

/// The lines above the table.
pub(super) fn headline(screen: Screen, answer: &Answer) -> String {
    let event = screen.paint(Tone::Strong, &answer.event_id);
    let status = screen.paint(Tone::of_status(&answer.status), &answer.status);
    let count = format!("{} of {} channels", answer.succeeded(), answer.rows.len());
    let id = screen.paint(Tone::Faint, format!("distribution {}", answer.distribution_id));
    format!("{event}  {status}  {count}\n{id}")
}
