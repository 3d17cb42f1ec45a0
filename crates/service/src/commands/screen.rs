//! Where people read: how wide it is, whether it has colours, and one way to
//! write to it that survives a reader who has had enough.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use super::failure::Failure;

/// Wide enough for every table; for files and pipes.
const UNLIMITED: u16 = 200;

/// Thin lines, none between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('╭', '─', '┬', '╮'))
    .header_lines(ContentLineStyle::new('│', '│', '│'))
    .header_separator(LineStyle::new('├', '─', '┼', '┤'))
    .content_lines(ContentLineStyle::new('│', '│', '│'))
    .bottom_border(LineStyle::new('╰', '─', '┴', '╯'));

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// It is a terminal, not a file or a pipe.
    pub(super) terminal: bool,
    colour: bool,
    width: u16,
}

/// How a word is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading.
    Strong,
    /// Of lesser weight.
    Faint,
    /// As wished.
    Good,
    /// Not as wished.
    Bad,
    /// Undecided, or not the real thing.
    Mind,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Mind => "33",
        }
    }

    /// The same for a table's cell or a bar.
    pub(super) const fn colour(self) -> Option<comfy_table::Color> {
        match self {
            Self::Strong | Self::Faint => None,
            Self::Good => Some(comfy_table::Color::Green),
            Self::Bad => Some(comfy_table::Color::Red),
            Self::Mind => Some(comfy_table::Color::Yellow),
        }
    }

    /// Of a status of a channel or a distribution.
    pub(super) fn of_status(status: &str) -> Self {
        match status {
            "SUCCESS" | "COMPLETED" => Self::Good,
            "FAILED" => Self::Bad,
            _ => Self::Mind,
        }
    }
}

impl Screen {
    pub(super) fn stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = Table::new().width().filter(|width| *width > 0).unwrap_or(UNLIMITED);
        Self {
            terminal,
            colour,
            width,
        }
    }

    /// Writes one line (or several).
    #[expect(clippy::unused_self, reason = "who has the screen may write to it")]
    pub(super) fn say(self, text: impl Display) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()?;
        Ok(())
    }

    /// The text in that tone, where there are colours.
    pub(super) fn paint(self, tone: Tone, text: impl Display) -> String {
        if self.colour {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
        } else {
            text.to_string()
        }
    }

    /// An empty table that keeps within the screen.
    pub(super) fn table(self) -> Table {
        let mut table = Table::new();
        table.load_style(STYLE);
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table
    }
}

/// The text with spaces after it, so that it fills that many columns; a Korean
/// letter fills two.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let filled: usize = text.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(filled)))
}

/// A duration as people read it.
pub(super) fn millis(duration: Duration) -> String {
    match duration.as_secs_f64() * 1_000.0 {
        short if short < 10.0 => format!("{short:.1} ms"),
        long => format!("{long:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_letters_fill_two_columns() {
        assert_eq!(pad("지니TV", 8), "지니TV  ");
        assert_eq!(pad("Instagram", 4), "Instagram");
    }

    #[test]
    fn short_times_have_a_decimal() {
        let said = [0.31, 9.0, 10.4, 1_234.0].map(|ms: f64| millis(Duration::from_secs_f64(ms / 1_000.0)));
        assert_eq!(said, ["0.3 ms", "9.0 ms", "10 ms", "1234 ms"]);
    }

    #[test]
    fn no_colour_means_no_escapes() {
        let screen = Screen {
            terminal: false,
            colour: false,
            width: 80,
        };
        assert_eq!(screen.paint(Tone::Good, "SUCCESS"), "SUCCESS");
        let mut table = screen.table();
        table.add_row([comfy_table::Cell::new("a").fg(comfy_table::Color::Green)]);
        assert!(!table.to_string().contains('\u{1b}'));
    }
}
