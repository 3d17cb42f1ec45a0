//! Korean telephone numbers, as Korea writes them.
//!
//! The numbering plan is libphonenumber's for KR, mobile numbers simplified to
//! 010. Whether a number is in service, and whose it is, is not known here; nor
//! is a number of another country read.

use crate::text::Text;

/// A Korean number in both forms that channels want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// With hyphens, as it is dialled in Korea: `02-555-0134`, `1588-1234`.
    pub national: String,
    /// E.164: `+8225550134`. Representative numbers have one too, `+8215881234`,
    /// which some carriers refuse; prefer `national` for those.
    pub e164: String,
    /// What sort of line it is.
    pub kind: PhoneKind,
}

/// What sort of line a number belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneKind {
    /// Fixed line with an area code, 02 to 064.
    Fixed,
    /// Mobile, 010.
    Mobile,
    /// Internet telephony, 070.
    Voip,
    /// Paid by the called side, 080.
    TollFree,
    /// Personal, 050x.
    Personal,
    /// A business's number for all of Korea, 15xx to 18xx, eight digits.
    Representative,
}

/// Why a text is no Korean telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneError {
    /// Digits of another script, such as `０１０`.
    OtherDigits,
    /// A character that no telephone number has.
    Character(char),
    /// Begins with `+` and another country's number.
    Foreign,
    /// No number of the plan: wrong length, or a prefix that is not given out.
    NotInPlan,
}

/// Representative numbers' first four digits.
const REPRESENTATIVE: [&str; 20] = [
    "1522", "1533", "1544", "1566", "1577", "1588", "1599", "1600", "1670", "1644", "1660", "1661", "1666", "1668",
    "1688", "1800", "1833", "1855", "1877", "1899",
];

impl Phone {
    /// Reads a number with or without hyphens, blanks, points and parentheses,
    /// in national form or after `+82`.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let international = text.strip_prefix('+');
        let mut digits = digits_of(international.unwrap_or(text))?;
        if international.is_some() {
            digits = digits.strip_prefix("82").ok_or(PhoneError::Foreign)?.to_owned();
        }
        // After +82 the trunk prefix is left out; some write it all the same.
        let (trunk, rest) = match digits.strip_prefix('0') {
            Some(rest) => (true, rest),
            None => (international.is_some(), digits.as_str()),
        };
        let with_trunk = || trunk.then(|| subscriber(rest)).flatten();
        let without = || (!digits.starts_with('0')).then(|| representative(rest)).flatten();
        let (kind, national) = with_trunk().or_else(without).ok_or(PhoneError::NotInPlan)?;
        Ok(Self {
            national,
            e164: format!("+82{rest}"),
            kind,
        })
    }
}

fn digits_of(text: &str) -> Result<String, PhoneError> {
    let mut digits = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '0'..='9' => digits.push(character),
            '-' | ' ' | '.' | '(' | ')' => {}
            _ if character.is_numeric() => return Err(PhoneError::OtherDigits),
            _ => return Err(PhoneError::Character(character)),
        }
    }
    Ok(digits)
}

/// A number that is dialled with the trunk prefix 0, which `rest` is without:
/// its kind, and itself with hyphens.
fn subscriber(rest: &str) -> Option<(PhoneKind, String)> {
    let (kind, prefix, lengths) = match rest.as_bytes() {
        [b'2', ..] => (PhoneKind::Fixed, 1, 7..=8),
        [b'3', b'1'..=b'3', ..] | [b'4' | b'6', b'1'..=b'4', ..] | [b'5', b'1'..=b'5', ..] => {
            (PhoneKind::Fixed, 2, 7..=8)
        }
        [b'1', b'0', ..] => (PhoneKind::Mobile, 2, 8..=8),
        [b'7', b'0', ..] => (PhoneKind::Voip, 2, 8..=8),
        [b'8', b'0', ..] => (PhoneKind::TollFree, 2, 7..=7),
        [b'5', b'0', _, ..] => (PhoneKind::Personal, 3, 7..=8),
        _ => return None,
    };
    let (area, number) = rest.split_at_checked(prefix)?;
    let given_out = kind != PhoneKind::Fixed || !number.starts_with('0');
    if !given_out || !lengths.contains(&number.len()) {
        return None;
    }
    let (exchange, line) = number.split_at(number.len() - 4);
    Some((kind, format!("0{area}-{exchange}-{line}")))
}

fn representative(digits: &str) -> Option<(PhoneKind, String)> {
    let (prefix, line) = digits.split_at_checked(4)?;
    (line.len() == 4 && REPRESENTATIVE.contains(&prefix))
        .then(|| (PhoneKind::Representative, format!("{prefix}-{line}")))
}

impl PhoneError {
    /// What is wrong, and how to mend it. The number itself is not repeated:
    /// answers are logged, and a number may be a person's.
    pub fn text(self) -> Text {
        match self {
            Self::OtherDigits => Text::new(
                "The number has full-width or other digits; write it with 0 to 9.",
                "전각 숫자 등 다른 숫자가 들어 있습니다. 0~9로 적어 주세요.",
            ),
            Self::Character(character) => Text::new(
                format!(
                    "The number has the character {character:?}; write digits, hyphens and \
                     blanks only, such as 02-555-0134."
                ),
                format!(
                    "전화번호에 쓸 수 없는 문자({character:?})가 있습니다. 02-555-0134처럼 숫자와 \
                     하이픈, 공백만 사용해 주세요."
                ),
            ),
            Self::Foreign => Text::new(
                "The number is of another country; only Korean numbers (+82) can be served.",
                "다른 나라의 번호입니다. 한국 번호(+82)만 사용할 수 있습니다.",
            ),
            Self::NotInPlan => Text::new(
                "There is no such number in Korea; write it in full, such as 02-555-0134, \
                 010-1234-5678 or 1588-1234.",
                "한국에 없는 형식의 번호입니다. 02-555-0134, 010-1234-5678, 1588-1234처럼 \
                 전체 번호를 적어 주세요.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_korea_writes_them() {
        use PhoneKind::{Fixed, Mobile, Personal, Representative, TollFree, Voip};
        for (text, national, e164, kind) in [
            ("02-555-0134", "02-555-0134", "+8225550134", Fixed),
            ("0255550134", "02-5555-0134", "+82255550134", Fixed),
            ("(031) 123-4567", "031-123-4567", "+82311234567", Fixed),
            ("064.712.3456", "064-712-3456", "+82647123456", Fixed),
            ("044-1234-5678", "044-1234-5678", "+824412345678", Fixed),
            ("010 1234 5678", "010-1234-5678", "+821012345678", Mobile),
            ("070-1234-5678", "070-1234-5678", "+827012345678", Voip),
            ("080-123-4567", "080-123-4567", "+82801234567", TollFree),
            ("0507-1234-5678", "0507-1234-5678", "+8250712345678", Personal),
            ("0505-123-4567", "0505-123-4567", "+825051234567", Personal),
            ("1588-1234", "1588-1234", "+8215881234", Representative),
            ("18001234", "1800-1234", "+8218001234", Representative),
            ("+82-2-555-0134", "02-555-0134", "+8225550134", Fixed),
            ("+82 (0)10-1234-5678", "010-1234-5678", "+821012345678", Mobile),
            ("+82-1588-1234", "1588-1234", "+8215881234", Representative),
            (" 02-555-0134 ", "02-555-0134", "+8225550134", Fixed),
        ] {
            let phone = Phone::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(phone.national, national, "{text}");
            assert_eq!(phone.e164, e164, "{text}");
            assert_eq!(phone.kind, kind, "{text}");
            assert_eq!(Phone::parse(&phone.national), Ok(phone.clone()), "{text}");
            assert_eq!(Phone::parse(&phone.e164), Ok(phone.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        use PhoneError::{Character, Foreign, NotInPlan, OtherDigits};
        for (text, error) in [
            ("", NotInPlan),
            ("114", NotInPlan),
            ("112", NotInPlan),
            ("010-123-456", NotInPlan),
            ("010-123-4567", NotInPlan),
            ("010-1234-56789", NotInPlan),
            ("02-0123-4567", NotInPlan),
            ("02-123-456", NotInPlan),
            ("02-12345-6789", NotInPlan),
            ("034-123-4567", NotInPlan),
            ("056-123-4567", NotInPlan),
            ("080-1234-5678", NotInPlan),
            ("070-123-4567", NotInPlan),
            ("0505-12-3456", NotInPlan),
            ("1234-5678", NotInPlan),
            ("1588-123", NotInPlan),
            ("01588-1234", NotInPlan),
            ("555-0134", NotInPlan),
            ("82-2-555-0134", NotInPlan),
            ("+1 650 253 0000", Foreign),
            ("+", Foreign),
            ("０２-５５５-０１３４", OtherDigits),
            ("02-555-O134", Character('O')),
            ("02-555-0134+", Character('+')),
            ("02-555-0134 내선 2", Character('내')),
        ] {
            assert_eq!(Phone::parse(text), Err(error), "{text}");
        }
    }
}
