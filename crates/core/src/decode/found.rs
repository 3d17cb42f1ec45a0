//! How a value that was found is shown to whoever sent it: shortened, and with
//! nothing in it that could disturb a log line or a page.

use serde_json::Value;

use crate::text::Text;

/// Longest text that is shown, in characters.
const SHOWN: usize = 40;

/// `text` in quotation marks, control characters escaped, its end left out
/// where it is long.
pub(crate) fn quoted(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}

/// A value by its kind, and itself where it is short.
pub(crate) fn described(value: &Value) -> Text {
    match value {
        Value::Null => Text::new("null", "null"),
        Value::Bool(value) => Text::new(value.to_string(), value.to_string()),
        Value::Number(number) => {
            let number = quoted(&number.to_string());
            let number = number.trim_matches('"');
            Text::new(format!("the number {number}"), format!("숫자 {number}"))
        }
        Value::String(text) => {
            let text = quoted(text);
            Text::new(format!("the text {text}"), format!("문자열 {text}"))
        }
        Value::Array(_) => Text::new("an array", "배열"),
        Value::Object(_) => Text::new("an object", "객체"),
    }
}
