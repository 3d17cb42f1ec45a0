//! Calls and answers of XML-RPC, as far as `MetaWeblog` needs them.
//!
//! An answer comes from whoever sits at the blog's address: it is bounded in
//! depth and number, has no document type and no entities but the five of XML,
//! and is read without recursion. One that was cut off still gives the entries
//! that came whole.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, Event};

/// Elements within each other, and values in all.
const DEPTH_MAX: usize = 32;
const VALUES_MAX: usize = 20_000;

/// What is sent.
pub(super) enum Param<'p> {
    Text(&'p str),
    Int(i64),
    Flag(bool),
    Bytes(&'p [u8]),
    Struct(&'p [(&'p str, Param<'p>)]),
}

/// What is answered. Numbers and times stay the text that they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Array(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Value(Value),
    /// Refused, with status 200.
    Fault {
        code: i64,
        words: String,
    },
    /// The answer is a list that was cut off: what came whole of it.
    Beginning(Vec<Value>),
}

/// Why it is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the answer is not XML-RPC")]
    NotXmlRpc,
    #[error("the answer is no well-formed XML")]
    NotXml(#[from] quick_xml::Error),
    #[error("the answer has a document type")]
    DocumentType,
    #[error("the answer has an entity that XML does not know")]
    Entity,
    #[error("the answer is deeper or longer than is read")]
    TooMuch,
}

/// A call as it is sent.
pub(super) fn call(method: &str, params: &[Param<'_>]) -> String {
    let mut xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>{method}</methodName><params>");
    for param in params {
        xml.push_str("<param>");
        write(&mut xml, param);
        xml.push_str("</param>");
    }
    xml.push_str("</params></methodCall>");
    xml
}

fn write(xml: &mut String, param: &Param<'_>) {
    xml.push_str("<value>");
    // Writing to a string can't fail.
    _ = match param {
        Param::Text(text) => write!(xml, "<string>{}</string>", escape(allowed(text))),
        Param::Int(number) => write!(xml, "<int>{number}</int>"),
        Param::Flag(flag) => write!(xml, "<boolean>{}</boolean>", u8::from(*flag)),
        Param::Bytes(bytes) => write!(xml, "<base64>{}</base64>", BASE64_STANDARD.encode(bytes)),
        Param::Struct(members) => {
            xml.push_str("<struct>");
            for (name, value) in *members {
                _ = write!(xml, "<member><name>{name}</name>");
                write(xml, value);
                xml.push_str("</member>");
            }
            write!(xml, "</struct>")
        }
    };
    xml.push_str("</value>");
}

/// Without the characters that XML can't hold.
fn allowed(text: &str) -> String {
    let is_allowed =
        |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(is_allowed).collect()
}

impl Reply {
    /// Reads a body; `cut` says that it goes on beyond what is there.
    pub(super) fn read(body: &[u8], cut: bool) -> Result<Self, Unreadable> {
        let text = String::from_utf8_lossy(body);
        let mut reading = Reading::default();
        let ended = reading.read(&text);
        if cut {
            return reading.beginning().map(Self::Beginning).ok_or(Unreadable::TooMuch);
        }
        ended?;
        let value = reading.result.ok_or(Unreadable::NotXmlRpc)?;
        if !reading.is_fault {
            return Ok(Self::Value(value));
        }
        let code = value.member("faultCode").and_then(Value::text);
        Ok(Self::Fault {
            code: code.and_then(|code| code.trim().parse().ok()).unwrap_or_default(),
            words: value
                .member("faultString")
                .and_then(Value::text)
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(_) | Self::Struct(_) => None,
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => members
                .iter()
                .find_map(|(known, value)| (known == name).then_some(value)),
            Self::Text(_) | Self::Array(_) => None,
        }
    }
}

/// An answer half read: the elements that are open, outermost first.
#[derive(Default)]
struct Reading {
    open: Vec<Open>,
    values: usize,
    is_answer: bool,
    is_fault: bool,
    result: Option<Value>,
}

/// An open element.
enum Open {
    /// It holds others and says nothing itself.
    Wrapper,
    /// Its text is a string, where nothing else is in it.
    Value {
        text: String,
        typed: Option<Value>,
    },
    Scalar(String),
    Array(Vec<Value>),
    Struct(Vec<(String, Value)>),
    Member {
        name: Option<String>,
        value: Option<Value>,
    },
    Name(String),
}

impl Reading {
    fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event()? {
                Event::Start(tag) => self.begin(tag.name().0)?,
                Event::Empty(tag) => {
                    self.begin(tag.name().0)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.add(&text.xml10_content()),
                Event::CData(text) => self.add(&text.xml10_content()),
                Event::GeneralRef(reference) => self.refer(&reference)?,
                Event::DocType(_) => return Err(Unreadable::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() && self.is_answer => return Ok(()),
                Event::Eof => return Err(Unreadable::NotXmlRpc),
            }
        }
    }

    fn begin(&mut self, name: &str) -> Result<(), Unreadable> {
        let first = !std::mem::replace(&mut self.is_answer, true);
        if first != (name == "methodResponse") {
            self.is_answer = false;
            return Err(Unreadable::NotXmlRpc);
        }
        if self.open.len() == DEPTH_MAX || self.values == VALUES_MAX {
            return Err(Unreadable::TooMuch);
        }
        self.open.push(match name {
            "methodResponse" | "params" | "param" | "data" => Open::Wrapper,
            "fault" => {
                self.is_fault = true;
                Open::Wrapper
            }
            "value" => {
                self.values += 1;
                let text = String::new();
                Open::Value { text, typed: None }
            }
            "array" => Open::Array(Vec::new()),
            "struct" => Open::Struct(Vec::new()),
            "member" => Open::Member {
                name: None,
                value: None,
            },
            "name" => Open::Name(String::new()),
            // `string`, `int`, `dateTime.iso8601` and what others have added.
            _ => Open::Scalar(String::new()),
        });
        Ok(())
    }

    fn add(&mut self, more: &str) {
        if let Some(Open::Value { text, .. } | Open::Scalar(text) | Open::Name(text)) = self.open.last_mut() {
            text.push_str(more);
        }
    }

    fn refer(&mut self, reference: &BytesRef<'_>) -> Result<(), Unreadable> {
        if let Some(c) = reference.resolve_char_ref()? {
            self.add(c.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        self.add(match &**reference {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "apos" => "'",
            _ => return Err(Unreadable::Entity),
        });
        Ok(())
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Value { text, typed }) => self.give(typed.unwrap_or(Value::Text(text))),
            Some(Open::Scalar(text)) => self.typed(Value::Text(text)),
            Some(Open::Array(items)) => self.typed(Value::Array(items)),
            Some(Open::Struct(members)) => self.typed(Value::Struct(members)),
            Some(Open::Name(text)) => {
                if let Some(Open::Member { name, .. }) = self.open.last_mut() {
                    *name = Some(text);
                }
            }
            Some(Open::Member {
                name: Some(name),
                value: Some(value),
            }) => {
                if let Some(Open::Struct(members)) = self.open.last_mut() {
                    members.push((name, value));
                }
            }
            Some(Open::Member { .. } | Open::Wrapper) | None => {}
        }
    }

    fn typed(&mut self, value: Value) {
        if let Some(Open::Value { typed, .. }) = self.open.last_mut() {
            *typed = Some(value);
        }
    }

    /// A whole value, to what holds it; the first that nothing holds is the
    /// answer.
    fn give(&mut self, given: Value) {
        let holder = self.open.iter_mut().rev().find(|open| !matches!(open, Open::Wrapper));
        match holder {
            Some(Open::Array(items)) => items.push(given),
            Some(Open::Member { value, .. }) => *value = Some(given),
            None if self.result.is_none() => self.result = Some(given),
            _ => {}
        }
    }

    /// What came whole of the outermost list.
    fn beginning(self) -> Option<Vec<Value>> {
        if self.is_fault {
            return None;
        }
        let whole = match self.result {
            Some(Value::Array(items)) => Some(items),
            _ => None,
        };
        let list = self.open.into_iter().find_map(|open| match open {
            Open::Array(items) => Some(items),
            _ => None,
        });
        whole.or(list)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn answer(inner: &str) -> String {
        format!("<?xml version=\"1.0\"?><methodResponse><params><param>{inner}</param></params></methodResponse>")
    }

    fn read(text: &str) -> Result<Reply, Unreadable> {
        Reply::read(text.as_bytes(), false)
    }

    #[test]
    fn a_call_is_escaped_and_loses_what_xml_cannot_hold() {
        let xml = call(
            "metaWeblog.newPost",
            &[
                Param::Text("a<b>&\"'\u{0}\u{1b}한글🌸"),
                Param::Struct(&[("bits", Param::Bytes(b"\xff\xd8")), ("n", Param::Int(-1))]),
                Param::Flag(true),
            ],
        );
        assert!(
            xml.contains("<string>a&lt;b&gt;&amp;&quot;&apos;한글🌸</string>"),
            "{xml}"
        );
        assert!(
            xml.contains("<name>bits</name><value><base64>/9g=</base64></value>"),
            "{xml}"
        );
        assert!(
            xml.ends_with("<boolean>1</boolean></value></param></params></methodCall>"),
            "{xml}"
        );
    }

    #[test]
    fn answers_are_read_in_every_spelling() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (inner, expected) in [
            ("<value><string>17</string></value>", text("17")),
            ("<value>17</value>", text("17")),
            ("<value><i4>17</i4></value>", text("17")),
            ("<value/>", text("")),
            ("<value><string/></value>", text("")),
            (
                "<value>\n  <string>a &amp; b&#x1F338;</string>\n</value>",
                text("a & b🌸"),
            ),
            ("<value><string><![CDATA[<b>]]></string></value>", text("<b>")),
            (
                "<value><array><data><value>a</value><value><int>1</int></value></data></array></value>",
                Value::Array(vec![text("a"), text("1")]),
            ),
            (
                "<value><struct><member><name>url</name><value>u</value></member><member><name>x</name></member>\
                 </struct></value>",
                Value::Struct(vec![("url".to_owned(), text("u"))]),
            ),
        ] {
            assert_eq!(read(&answer(inner)).unwrap(), Reply::Value(expected), "{inner}");
        }
    }

    #[test]
    fn a_fault_is_told_from_a_value() {
        let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int> 403 </int></value>\
                     </member><member><name>faultString</name><value><string>No.</string></value></member></struct>\
                     </value></fault></methodResponse>";
        let words = "No.".to_owned();
        assert_eq!(read(fault).unwrap(), Reply::Fault { code: 403, words });
    }

    #[test]
    fn what_is_no_answer_or_dangerous_is_refused() {
        let deep = "<value><array><data>".repeat(20) + &"</data></array></value>".repeat(20);
        let many = format!(
            "<value><array><data>{}</data></array></value>",
            "<value/>".repeat(VALUES_MAX)
        );
        let entities = "<!DOCTYPE a [<!ENTITY b \"c\"><!ENTITY d SYSTEM \"file:///etc/passwd\">]>";
        for text in [
            "",
            "It works!",
            "{\"ok\": true}",
            "<html><body>x</body></html>",
            "<value>x</value>",
            "<methodResponse/>",
            "<methodResponse><params><param><value>x</value></param></params>",
            "<methodResponse></params></methodResponse>",
            &answer("<value>&b;</value>"),
            &answer("<value>&#0;</value>"),
            &answer("<value>&#x110000;</value>"),
            &answer(&deep),
            &answer(&many),
            &format!("{entities}{}", answer("<value>&b;</value>")),
            &format!("{}{}", answer("<value>x</value>"), answer("<value>y</value>")),
        ] {
            let short: String = text.chars().take(80).collect();
            assert!(read(text).is_err(), "{short}");
        }
    }

    #[test]
    fn of_a_list_that_was_cut_off_the_whole_entries_are_there() {
        let post = |id: &str| {
            format!("<value><struct><member><name>postid</name><value>{id}</value></member></struct></value>")
        };
        let whole = answer(&format!(
            "<value><array><data>{}{}</data></array></value>",
            post("1"),
            post("2")
        ));
        let at = whole.find("<value>2").unwrap();
        for (cut, count) in [(at, 1), (at + 8, 1), (whole.len() - 57, 2), (40, 0)] {
            let read = Reply::read(&whole.as_bytes()[..cut], true);
            let items = match read {
                Ok(Reply::Beginning(items)) => items,
                Err(_) => Vec::new(),
                Ok(other) => panic!("{other:?}"),
            };
            assert_eq!(items.len(), count, "{cut}");
        }
        assert!(Reply::read(&whole.as_bytes()[..at], false).is_err());
    }

    /// Whatever comes: an answer or a refusal, never a panic.
    #[test]
    fn nonsense_is_read_or_refused() {
        const PIECES: [&str; 24] = [
            "<methodResponse>",
            "</methodResponse>",
            "<params>",
            "</params>",
            "<param>",
            "</param>",
            "<value>",
            "</value>",
            "<string>",
            "</string>",
            "<struct>",
            "</struct>",
            "<member>",
            "</member>",
            "<name>faultCode</name>",
            "<array>",
            "</array>",
            "<data/>",
            "<fault>",
            "</fault>",
            "&amp;",
            "&#xD800;",
            "<![CDATA[",
            "🌸\u{0}<!--",
        ];
        let seeds = std::env::var("FANFARE_TEST_SEEDS")
            .ok()
            .and_then(|text| text.parse().ok());
        for seed in 0..seeds.unwrap_or(2_000_u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut text = if rng.random_bool(0.8) {
                "<methodResponse>".to_owned()
            } else {
                String::new()
            };
            for _ in 0..rng.random_range(0..40) {
                text.push_str(PIECES[rng.random_range(0..PIECES.len())]);
            }
            let mut bytes = text.into_bytes();
            bytes.truncate(rng.random_range(0..bytes.len() + 1));
            for _ in 0..rng.random_range(0..4) {
                if let Some(byte) = bytes.get_mut(rng.random_range(0..40_usize)) {
                    *byte = rng.random_range(0..=255);
                }
            }
            _ = Reply::read(&bytes, false);
            _ = Reply::read(&bytes, true);
        }
    }
}
