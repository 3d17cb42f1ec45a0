//! Reads texts: what they may be, whatever channel they are for.

use serde_json::Value;

use super::limits::TextRule;
use super::reader::{Node, Reader};
use crate::text::Text;
use crate::validate::code;

impl Reader<'_> {
    /// A text that says something and keeps the rule.
    pub(super) fn text(&mut self, node: &Node<'_>, rule: TextRule) -> Option<String> {
        let Value::String(text) = node.value else {
            self.wrong_type(node, ("a text in quotation marks", "따옴표로 묶은 문자열"));
            return None;
        };
        match text_fault(text, rule) {
            None => Some(text.clone()),
            Some((code, detail)) => {
                self.fault(&node.pointer, code, detail);
                None
            }
        }
    }
}

/// What breaks the rule in `text`.
fn text_fault(text: &str, rule: TextRule) -> Option<(&'static str, Text)> {
    let found = text.chars().count();
    if found > rule.max {
        return Some((code::TOO_LONG, too_long(found, rule.max)));
    }
    if text.contains('\0') {
        let detail = Text::new(
            "The text has the character U+0000, which can't be stored; take it out.",
            "저장할 수 없는 문자(U+0000)가 들어 있습니다. 빼 주세요.",
        );
        return Some((code::NUL_CHARACTER, detail));
    }
    if text.chars().all(is_invisible) {
        let detail = Text::new(
            "The text is blank; write something, or leave the field out.",
            "내용이 비어 있습니다. 내용을 적거나 항목을 빼 주세요.",
        );
        return Some((code::BLANK, detail));
    }
    let character = text.chars().find(|c| is_stray(*c, rule))?;
    let point = u32::from(character);
    let detail = Text::new(
        format!("The text has the control character U+{point:04X}; take it out."),
        format!("제어 문자(U+{point:04X})가 들어 있습니다. 빼 주세요."),
    );
    Some((code::CONTROL_CHARACTER, detail))
}

/// Whether a character leaves no mark: blanks, control characters, and what
/// Unicode calls default ignorable, such as the zero-width space.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
                | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
        )
}

fn is_stray(character: char, rule: TextRule) -> bool {
    let breaks = matches!(character, '\n' | '\r' | '\t');
    // The two noncharacters can't be written in XML, which some channels speak.
    (character.is_control() && !(rule.lines && breaks)) || matches!(character, '\u{FFFE}' | '\u{FFFF}')
}

fn too_long(found: usize, max: usize) -> Text {
    Text::new(
        format!("The text has {found} characters, at most {max} are allowed; shorten it."),
        format!("글자 수는 최대 {max}자입니다(현재 {found}자). 줄여 주세요."),
    )
}
