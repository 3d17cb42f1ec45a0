//! A history entry's transitions as JSON, short: they are a fifth of what a
//! distribution costs.

use std::borrow::Cow;

use fanfare_core::channel::Channel;
use fanfare_core::history::Transition;
use serde_json::{Value, json};

/// `[channel, from, to, generation, attempt, code]` without nulls at its end.
/// Where the one before was of the same channel and led to `from`, only
/// `[[to, generation, attempt, code]]`; where it was the same, but of another
/// channel, only the channel.
pub(super) fn short(transitions: &[Transition]) -> Vec<Value> {
    let mut before: Option<&Transition> = None;
    let mut short = Vec::with_capacity(transitions.len());
    for transition in transitions {
        let follows = before
            .is_some_and(|before| before.channel == transition.channel && Some(&before.to) == transition.from.as_ref());
        let rest = [
            json!(transition.to),
            json!(transition.generation),
            json!(transition.attempt),
            json!(transition.code),
        ];
        let repeats = before.is_some_and(|before| same_but_channel(before, transition));
        short.push(if let (true, Some(channel)) = (repeats, transition.channel) {
            json!(channel)
        } else if follows {
            Value::from(vec![without_end(rest.to_vec())])
        } else {
            let mut whole = vec![json!(transition.channel), json!(transition.from)];
            whole.extend(rest);
            without_end(whole)
        });
        before = Some(transition);
    }
    short
}

fn same_but_channel(one: &Transition, other: &Transition) -> bool {
    let rest = |t: &'_ Transition| (t.from.clone(), t.to.clone(), t.generation, t.attempt, t.code.clone());
    rest(one) == rest(other)
}

fn without_end(mut values: Vec<Value>) -> Value {
    while values.last().is_some_and(Value::is_null) {
        values.pop();
    }
    Value::from(values)
}

/// The transitions of such a text; `None` where it is none.
pub(super) fn read(text: &str) -> Option<Vec<Transition>> {
    let short: Vec<Value> = serde_json::from_str(text).ok()?;
    let mut transitions: Vec<Transition> = Vec::with_capacity(short.len());
    for value in &short {
        let transition = match value {
            Value::Array(values) => read_one(values, transitions.last())?,
            channel => Transition {
                channel: Some(serde_json::from_value(channel.clone()).ok()?),
                ..transitions.last()?.clone()
            },
        };
        transitions.push(transition);
    }
    Some(transitions)
}

fn read_one(values: &[Value], before: Option<&Transition>) -> Option<Transition> {
    if let Some(Value::Array(rest)) = values.first() {
        let before = before?;
        return of(before.channel, Some(before.to.clone()), rest);
    }
    let channel: Option<Channel> = part(values, 0).ok()?;
    of(channel, part(values, 1).ok()?, values.get(2..)?)
}

fn of(channel: Option<Channel>, from: Option<Cow<'static, str>>, rest: &[Value]) -> Option<Transition> {
    Some(Transition {
        channel,
        from,
        to: part(rest, 0).ok()??,
        generation: part(rest, 1).ok()?,
        attempt: part(rest, 2).ok()?,
        code: part(rest, 3).ok()?,
    })
}

/// What is not there is null.
fn part<T: serde::de::DeserializeOwned>(values: &[Value], place: usize) -> serde_json::Result<Option<T>> {
    let value = values.get(place).cloned().unwrap_or_default();
    serde_json::from_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use fanfare_core::ids::Incarnation;
    use jiff::Timestamp;

    #[test]
    fn what_is_written_short_is_read_whole() {
        let request = sample::request("evt-1", &Channel::ALL);
        let acceptance = sample::acceptance(1, request, Timestamp::UNIX_EPOCH, Incarnation(1));
        let mut distribution = acceptance.distribution.clone();
        let mut record = sample::completion(&mut distribution, Timestamp::UNIX_EPOCH, Incarnation(1));
        record.history.transitions[2].code = Some("throttled".into());
        for entry in [&acceptance.history, &record.history] {
            let text = serde_json::to_string(&short(&entry.transitions)).unwrap();
            assert_eq!(read(&text).as_ref(), Some(&entry.transitions), "{text}");
        }
        let text = serde_json::to_string(&short(&acceptance.history.transitions)).unwrap();
        let begin = r#"[["WooridongneTV",null,"PENDING",1,1],[["IN_PROGRESS",1,1]],["RingoBiz",null,"PENDING","#;
        assert!(text.starts_with(begin), "{text}");
        let text = serde_json::to_string(&short(&record.history.transitions)).unwrap();
        let begin = r#"[["WooridongneTV","IN_PROGRESS","SUCCESS",1,1],"RingoBiz",["GenieTV","#;
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn what_is_no_transition_is_not_taken_for_one() {
        for text in [
            "",
            "{}",
            "[1]",
            "[[]]",
            r#"["RingoBiz"]"#,
            r#"[[["PENDING"]]]"#,
            r#"[["Nowhere",null,"PENDING"]]"#,
            "[[null,null]]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
