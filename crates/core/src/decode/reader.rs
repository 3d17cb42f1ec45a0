//! Reads single JSON values and writes down what is wrong with them, so that
//! the walks in `decode` read like the shape they expect.
//!
//! Every method takes a [`Node`], which knows where it stands, and gives `None`
//! after it has noted a fault. Nothing here stops at the first one.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::found::{described, quoted};
use super::limits;
use super::suggest;
use crate::channel::Channel;
use crate::fault::{Fault, pointer_token};
use crate::text::Text;
use crate::validate::code;

/// A JSON value and its place in the body.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    pub(super) value: &'v Value,
    pub(super) pointer: String,
}

impl<'v> Node<'v> {
    /// The body itself.
    pub(super) fn root(value: &'v Value) -> Self {
        Self {
            value,
            pointer: String::new(),
        }
    }

    fn below(&self, token: &str, value: &'v Value) -> Self {
        Self {
            value,
            pointer: format!("{}/{token}", self.pointer),
        }
    }
}

/// A JSON object, its field names checked.
#[derive(Debug)]
pub(super) struct Object<'v> {
    node: Node<'v>,
    fields: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    /// A field; `null` is absent.
    pub(super) fn get(&self, name: &str) -> Option<Node<'v>> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        Some(self.node.below(name, value))
    }

    /// The names of its fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'v str> {
        self.fields.keys().map(String::as_str)
    }

    /// Where a field stands, or would stand.
    pub(super) fn place_of(&self, name: &str) -> String {
        format!("{}/{name}", self.node.pointer)
    }
}

/// Collects the faults.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    /// Hosts of the operator's own storage, for the URL rule.
    pub(super) allow_hosts: &'s [String],
    /// The present.
    pub(super) now: Timestamp,
    /// To whom faults are laid: the chosen channel whose options are being read.
    pub(super) channel: Option<Channel>,
    faults: Vec<Fault>,
}

impl<'s> Reader<'s> {
    /// Has found nothing yet.
    pub(super) fn new(allow_hosts: &'s [String], now: Timestamp) -> Self {
        Self {
            allow_hosts,
            now,
            channel: None,
            faults: Vec::new(),
        }
    }

    /// What was found.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes a fault. Beyond the limit only the fact that there were more is
    /// noted, so that a hostile body can't make a large answer.
    pub(super) fn fault(&mut self, pointer: &str, code: &'static str, detail: Text) {
        if self.faults.len() < limits::FAULTS {
            let mut fault = Fault::new(pointer, code, detail);
            fault.channel = self.channel;
            self.faults.push(fault);
        } else if self.faults.len() == limits::FAULTS {
            let detail = Text::new(
                format!(
                    "Only the first {} faults are listed; mend them and send the request again.",
                    limits::FAULTS
                ),
                format!(
                    "오류가 많아 앞의 {}개만 보여 드립니다. 고친 뒤 다시 보내 주세요.",
                    limits::FAULTS
                ),
            );
            self.faults.push(Fault::new("", code::TOO_MANY_FAULTS, detail));
        }
    }

    /// Notes that another kind of value is needed; `wanted` in both languages.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, wanted: (&str, &str)) {
        let found = described(node.value);
        let detail = Text::new(
            format!("Expected {}, found {}.", wanted.0, found.en),
            format!("다음 형식으로 적어 주세요: {}. 받은 값: {}", wanted.1, found.ko),
        );
        self.fault(&node.pointer, code::WRONG_TYPE, detail);
    }

    /// Notes that a field is missing; `needed` in both languages.
    pub(super) fn required(&mut self, pointer: &str, needed: (&str, &str)) {
        let detail = Text::new(
            format!("This field is required: {}.", needed.0),
            format!("필수 항목입니다: {}", needed.1),
        );
        self.fault(pointer, code::REQUIRED, detail);
    }

    /// An object that has no fields but those `known`.
    pub(super) fn object<'v>(&mut self, node: &Node<'v>, known: &[&str]) -> Option<Object<'v>> {
        let object = self.any_object(node)?;
        for name in object.fields.keys() {
            if !known.contains(&name.as_str()) {
                self.unknown_field(&node.pointer, name, known);
            }
        }
        Some(object)
    }

    /// An object whose field names the caller checks.
    pub(super) fn any_object<'v>(&mut self, node: &Node<'v>) -> Option<Object<'v>> {
        let Value::Object(fields) = node.value else {
            self.wrong_type(node, ("an object, {…}", "객체 {…}"));
            return None;
        };
        Some(Object {
            node: node.clone(),
            fields,
        })
    }

    /// The items of an array, at most [`limits::ITEMS`] of them.
    pub(super) fn items<'v>(&mut self, node: &Node<'v>, wanted: (&str, &str)) -> Option<Vec<Node<'v>>> {
        let Value::Array(items) = node.value else {
            self.wrong_type(node, wanted);
            return None;
        };
        if items.len() > limits::ITEMS {
            let (found, max) = (items.len(), limits::ITEMS);
            let detail = Text::new(
                format!("At most {max} items are allowed, found {found}; leave some out."),
                format!("항목은 최대 {max}개까지 가능합니다(받은 개수: {found}). 줄여 주세요."),
            );
            self.fault(&node.pointer, code::TOO_MANY, detail);
            return None;
        }
        let node_of = |(place, value): (usize, &'v Value)| node.below(&place.to_string(), value);
        Some(items.iter().enumerate().map(node_of).collect())
    }

    /// A list of which every item can be read, or none of it.
    pub(super) fn list<'v, T>(
        &mut self,
        node: &Node<'v>,
        wanted: (&str, &str),
        mut read: impl FnMut(&mut Self, &Node<'v>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.items(node, wanted)?;
        // First all, then the verdict: every item's fault is to be noted.
        let read: Vec<Option<T>> = items.iter().map(|item| read(self, item)).collect();
        read.into_iter().collect()
    }

    /// A number without sign and fraction.
    pub(super) fn whole_number(&mut self, node: &Node<'_>) -> Option<u64> {
        let Value::Number(number) = node.value else {
            self.wrong_type(node, WHOLE_NUMBER);
            return None;
        };
        if number.as_i64().is_some_and(i64::is_negative) {
            let detail = Text::new(
                format!("Must not be negative, found {number}."),
                format!("음수는 사용할 수 없습니다(받은 값: {number}). 0 이상의 정수로 적어 주세요."),
            );
            self.fault(&node.pointer, code::OUT_OF_RANGE, detail);
            return None;
        }
        let whole = number.as_u64();
        if whole.is_none() {
            self.wrong_type(node, WHOLE_NUMBER);
        }
        whole
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        let value = node.value.as_bool();
        if value.is_none() {
            self.wrong_type(
                node,
                ("true or false, without quotation marks", "따옴표 없는 true 또는 false"),
            );
        }
        value
    }

    fn unknown_field(&mut self, parent: &str, name: &str, known: &[&str]) {
        let shown = quoted(name);
        let (en, ko) = match (name, suggest::near(name, known)) {
            ("tenantId", _) => (
                "it is not a field of the request; leave it out.".to_owned(),
                "요청에 쓰는 항목이 아니므로 빼 주세요.".to_owned(),
            ),
            (_, Some(near)) => (format!("did you mean `{near}`?"), format!("혹시 `{near}`인가요?")),
            (_, None) => (
                format!("known here: {}.", known.join(", ")),
                format!("사용할 수 있는 항목: {}", known.join(", ")),
            ),
        };
        let detail = Text::new(
            format!("There is no field {shown} here; {en}"),
            format!("{shown} 항목은 여기에 없습니다. {ko}"),
        );
        let pointer = format!("{parent}/{}", token_of(name));
        self.fault(&pointer, code::UNKNOWN_FIELD, detail);
    }
}

const WHOLE_NUMBER: (&str, &str) = (
    "a whole number such as 100000, without fraction and quotation marks",
    "소수점과 따옴표가 없는 정수(예: 100000)",
);

/// A field's name as part of a pointer, its end left out where it is absurdly long.
pub(super) fn token_of(name: &str) -> String {
    let mut start: String = name.chars().take(limits::HASHTAG.max).collect();
    if start.len() < name.len() {
        start.push('…');
    }
    pointer_token(&start)
}
