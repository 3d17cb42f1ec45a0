//! XML-RPC as a server hears and says it: a call read into values, values and
//! faults written. Of its own, so that a client's misreading shows.

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;

use crate::exchange::Outgoing;

/// Deepest call that is read.
const DEPTH_MOST: usize = 24;

/// A value of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Whatever is no list and no structure, as its text.
    Text(String),
    /// Base64, still encoded; only its length counts here.
    Bytes(String),
    Flag(bool),
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

/// What is called, with what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) params: Vec<Value>,
}

/// An element with what is in it.
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Value {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

impl Call {
    /// `None` where it is not well formed.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let root = Element::read(std::str::from_utf8(body).ok()?)?;
        if root.name != "methodCall" {
            return None;
        }
        let params = root
            .child("params")
            .map(|params| &params.children[..])
            .unwrap_or_default();
        let params = params.iter().map(|param| value(param.child("value")?));
        Some(Self {
            method: root.child("methodName")?.text.trim().to_owned(),
            params: params.collect::<Option<_>>()?,
        })
    }

    /// A parameter; an empty text where it is absent.
    pub(crate) fn text(&self, place: usize) -> &str {
        self.params.get(place).map(Value::text).unwrap_or_default()
    }
}

impl Element {
    fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let root = |name: &str| Self {
            name: name.to_owned(),
            text: String::new(),
            children: Vec::new(),
        };
        let mut open = vec![root("")];
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) if open.len() < DEPTH_MOST => open.push(root(tag.name().0)),
                Event::Empty(tag) => open.last_mut()?.children.push(root(tag.name().0)),
                Event::End(_) => {
                    let ended = open.pop()?;
                    open.last_mut()?.children.push(ended);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
                Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let reference = format!("&{};", &*reference);
                    open.last_mut()?.text.push_str(&unescape(&reference).ok()?);
                }
                Event::Start(_) | Event::DocType(_) => return None,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => {
                    let mut outside = (open.len() == 1).then(|| open.pop())??;
                    return (outside.children.len() == 1).then(|| outside.children.pop())?;
                }
            }
        }
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// A `<value>` without a type is a string.
fn value(element: &Element) -> Option<Value> {
    let Some(typed) = element.children.first() else {
        return Some(Value::Text(element.text.clone()));
    };
    Some(match typed.name.as_str() {
        "string" | "int" | "i4" | "double" | "dateTime.iso8601" => Value::Text(typed.text.clone()),
        "boolean" => Value::Flag(typed.text.trim() == "1"),
        "base64" => Value::Bytes(typed.text.split_whitespace().collect()),
        "array" => {
            let items = typed.child("data")?.children.iter();
            Value::List(items.map(value).collect::<Option<_>>()?)
        }
        "struct" => {
            let member = |member: &Element| Some((member.child("name")?.text.clone(), value(member.child("value")?)?));
            Value::Struct(typed.children.iter().map(member).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// `<string>`, escaped.
pub(crate) fn string(text: &str) -> String {
    format!("<value><string>{}</string></value>", escape(text))
}

/// Of members that are written already.
pub(crate) fn structure(members: &[(&str, String)]) -> String {
    let members = members
        .iter()
        .map(|(name, value)| format!("<member><name>{name}</name>{value}</member>"));
    format!("<value><struct>{}</struct></value>", members.collect::<String>())
}

/// Of values that are written already.
pub(crate) fn list(values: &[String]) -> String {
    format!("<value><array><data>{}</data></array></value>", values.concat())
}

/// An answer; `value` is written already.
pub(crate) fn answer(value: &str) -> Outgoing {
    let text =
        format!("<?xml version=\"1.0\"?>\n<methodResponse><params><param>{value}</param></params></methodResponse>\n");
    Outgoing::text(200, "text/xml; charset=UTF-8", text)
}

/// A refusal, with status 200.
pub(crate) fn fault(code: i64, words: &str) -> Outgoing {
    let code = format!("<value><int>{code}</int></value>");
    let fault = structure(&[("faultCode", code), ("faultString", string(words))]);
    let text = format!("<?xml version=\"1.0\"?>\n<methodResponse><fault>{fault}</fault></methodResponse>\n");
    Outgoing::text(200, "text/xml; charset=UTF-8", text)
}
