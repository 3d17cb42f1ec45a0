//! Reads an account on a channel that a tenant hands over: a flat object of texts.
//!
//! One of them is a secret, and who sends it may mistake its place: so no fault repeats
//! a value. What a channel's account must have, and which values it takes, is known to
//! who calls it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::limits::TextRule;
use super::reader::{Node, Reader};
use crate::fault::Fault;
use crate::text::Text;
use crate::validate::code;

/// What can be read of it, by the names of `known` (each with its longest text, in
/// characters), and everything that is wrong with the rest.
pub fn account(body: &Value, known: &[(&'static str, usize)]) -> (BTreeMap<&'static str, String>, Vec<Fault>) {
    let mut reader = Reader::new(&[], Timestamp::MIN);
    let mut read = BTreeMap::new();
    if !body.is_object() {
        reader.fault("", code::WRONG_TYPE, an_object());
        return (read, reader.into_faults());
    }
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let object = reader.object(&Node::root(body), &names);
    for (name, max) in known {
        let Some(node) = object.as_ref().and_then(|object| object.get(name)) else {
            continue;
        };
        if !node.value.is_string() {
            reader.fault(&node.pointer, code::WRONG_TYPE, a_text());
            continue;
        }
        let rule = TextRule {
            max: *max,
            lines: false,
        };
        if let Some(text) = reader.text(&node, rule) {
            read.insert(*name, text.trim().to_owned());
        }
    }
    (read, reader.into_faults())
}

fn an_object() -> Text {
    Text::new("Expected an object, {…}.", "다음 형식으로 적어 주세요: 객체 {…}")
}

fn a_text() -> Text {
    Text::new(
        "Expected a text in quotation marks.",
        "다음 형식으로 적어 주세요: 따옴표로 묶은 문자열",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: [(&str, usize); 2] = [("accessToken", 30), ("accountId", 5)];

    #[test]
    fn texts_are_read_by_their_names() {
        let (read, faults) = account(&json!({"accessToken": " t ", "accountId": null}), &KNOWN);
        assert_eq!((read.len(), read["accessToken"].as_str()), (1, "t"));
        assert_eq!(faults, []);
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (body, expected) in [
            (json!("canary"), &[("", code::WRONG_TYPE)][..]),
            (json!(["canary"]), &[("", code::WRONG_TYPE)]),
            (
                json!({"accessToken": ["canary"]}),
                &[("/accessToken", code::WRONG_TYPE)],
            ),
            (json!({"accountId": 47_114_711}), &[("/accountId", code::WRONG_TYPE)]),
            (json!({"accountId": "canary"}), &[("/accountId", code::TOO_LONG)]),
            (json!({"accessToken": " "}), &[("/accessToken", code::BLANK)]),
            (
                json!({"accessToken": "canary\ncanary", "baseUrl": "https://canary"}),
                &[
                    ("/baseUrl", code::UNKNOWN_FIELD),
                    ("/accessToken", code::CONTROL_CHARACTER),
                ],
            ),
        ] {
            let (read, faults) = account(&body, &KNOWN);
            let found: Vec<_> = faults.iter().map(|fault| (&*fault.pointer, fault.code)).collect();
            assert_eq!(found, expected, "{body}");
            let said = format!("{read:?} {faults:?}");
            assert!(!said.contains("canary") && !said.contains("47114711"), "{said}");
        }
    }
}
