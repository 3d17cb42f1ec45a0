//! Reads a table of recipients and what proves their consent: CSV, quoted as in RFC
//! 4180, but each person on one line. A line break within a field is refused.

use std::collections::HashMap;

use fanfare_core::advertising::Consent;
use fanfare_core::phone::{Phone, PhoneKind};
use jiff::Timestamp;

use super::Entry;

const COLUMNS: [&str; 8] = [
    "number",
    "who",
    "at",
    "how",
    "advertising",
    "night",
    "withdrawn_at",
    "reconfirmed_at",
];

/// What is wrong with a table. It repeats no number (I20).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The columns are others.
    #[error("line 1 must be {}", COLUMNS.join(","))]
    Columns,
    /// A line can't be read.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong, and what would be right.
        what: &'static str,
    },
}

/// Everybody in a table, once: a line that says the same again is left out, and one
/// that says something else of a number refused. Which of the two counts, only who
/// wrote them knows.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, TableError> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let head = lines.next().map(|(_, line)| fields(line)).unwrap_or_default();
    if head.as_deref() != Some(&COLUMNS.map(str::to_owned)[..]) {
        return Err(TableError::Columns);
    }
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    let mut people: Vec<Entry> = Vec::new();
    let mut places = HashMap::new();
    for (at, line) in filled {
        let wrong = |what| TableError::Line { line: at + 1, what };
        let entry = entry(line).map_err(wrong)?;
        let place = *places.entry(entry.number.clone()).or_insert(people.len());
        match people.get(place) {
            None => people.push(entry),
            Some(before) if *before == entry => {}
            Some(_) => {
                return Err(wrong(
                    "a line above has the same number and another consent; leave the one that is true",
                ));
            }
        }
    }
    Ok(people)
}

fn entry(line: &str) -> Result<Entry, &'static str> {
    let fields = fields(line).ok_or("a quotation mark is not closed")?;
    let fields: [String; 8] = fields.try_into().map_err(|_others| "it must have 8 fields")?;
    let [number, who, at, how, advertising, night, withdrawn_at, reconfirmed_at] = fields;
    let phone = Phone::parse(&number).map_err(|_unread| "number is no Korean telephone number")?;
    if phone.kind != PhoneKind::Mobile {
        return Err("number is no mobile number");
    }
    if who.trim().is_empty() || how.trim().is_empty() {
        return Err("who and how must not be empty: they are the evidence");
    }
    Ok(Entry {
        number: phone.national.replace('-', ""),
        consent: Consent {
            who,
            at: time(&at).and_then(|at| at.ok_or("at must not be empty"))?,
            how,
            advertising: yes(&advertising)?,
            night: yes(&night)?,
            withdrawn_at: time(&withdrawn_at)?,
            reconfirmed_at: time(&reconfirmed_at)?,
        },
    })
}

fn time(text: &str) -> Result<Option<Timestamp>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = "a time must have its offset, such as 2026-03-01T12:00:00+09:00";
    text.parse().map(Some).map_err(|_unread| wrong)
}

fn yes(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("advertising and night must be true or false"),
    }
}

/// The fields of a line; none where a quotation mark is not closed.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "number,who,at,how,advertising,night,withdrawn_at,reconfirmed_at\n";

    #[test]
    fn a_line_is_a_number_and_its_evidence() {
        let line = "+82 10-5555-0107,\"Kim, \"\"B\"\"\",2026-03-01T12:00:00+09:00,web form,true,false,,\r\n";
        let read = read(&format!("\u{feff}{HEAD}{line}\n")).unwrap();
        assert_eq!(
            (read.len(), &*read[0].number, &*read[0].consent.who),
            (1, "01055550107", "Kim, \"B\"")
        );
        assert!(read[0].consent.advertising && !read[0].consent.night);
    }

    #[test]
    fn a_number_that_is_given_twice_must_say_the_same() {
        let line = "010-5555-0107,a,2026-03-01T12:00:00Z,b,true,false,,\n";
        let spelt = "+82 10 5555 0107,a,2026-03-01T12:00:00Z,b,true,false,,\n";
        assert_eq!(read(&format!("{HEAD}{line}{spelt}{line}")).unwrap().len(), 1);
        for other in [
            "01055550107,a,2026-03-01T12:00:00Z,b,true,false,2026-04-01T12:00:00Z,",
            "01055550107,a,2026-03-01T12:00:00Z,b,false,false,,",
            "01055550107,a,2026-03-01T12:00:00Z,b,true,true,,",
        ] {
            let error = read(&format!("{HEAD}{line}\n{other}")).unwrap_err().to_string();
            assert!(
                error.starts_with("line 4: ") && error.contains("same number"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_without_the_number() {
        assert_eq!(read("number\n"), Err(TableError::Columns));
        assert_eq!(read(""), Err(TableError::Columns));
        for (line, what) in [
            ("123,a,2026-03-01T12:00:00Z,b,true,false,,", "telephone"),
            ("02-555-0134,a,2026-03-01T12:00:00Z,b,true,false,,", "mobile"),
            ("01055550107,,2026-03-01T12:00:00Z,b,true,false,,", "evidence"),
            ("01055550107,a,,b,true,false,,", "at must"),
            ("01055550107,a,2026-03-01,b,true,false,,", "offset"),
            ("01055550107,a,2026-03-01T12:00:00Z,b,yes,false,,", "true or false"),
            ("01055550107,a", "8 fields"),
            ("\"01055550107,a", "closed"),
        ] {
            let error = read(&format!("{HEAD}{line}")).unwrap_err().to_string();
            assert!(error.starts_with("line 2: ") && error.contains(what), "{line}: {error}");
            assert!(!error.contains("5555"), "{error}");
        }
    }
}
