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
    use proptest::prelude::*;

    use super::*;

    /// A number of the plan, with the trunk prefix where it has one: libphonenumber's
    /// patterns for KR, written down once more.
    fn planned() -> impl Strategy<Value = String> {
        prop_oneof![
            "0(2|3[1-3]|[46][1-4]|5[1-5])[1-9][0-9]{6,7}",
            "010[0-9]{8}",
            "070[0-9]{8}",
            "080[0-9]{7}",
            "050[0-9]{8,9}",
            "1(5(22|33|44|66|77|88|99)|6([07]0|44|6[0168]|88)|8(00|33|55|77|99))[0-9]{4}",
        ]
    }

    /// Whether the plan has it, read from a table and not from left to right.
    fn is_planned(national: &str) -> bool {
        let one_of = |list: &str| list.split(' ').any(|prefix| national.starts_with(prefix));
        let area = if national.starts_with("02") { 2 } else { 3 };
        let own = national.len().saturating_sub(area);
        let fixed = one_of("02 031 032 033 041 042 043 044 051 052 053 054 055 061 062 063 064");
        fixed && (7..=8).contains(&own) && national.as_bytes()[area] != b'0'
            || one_of("010 070") && national.len() == 11
            || one_of("080") && national.len() == 10
            || one_of("050") && (11..=12).contains(&national.len())
            || national.len() == 8 && REPRESENTATIVE.iter().any(|prefix| national.starts_with(prefix))
    }

    fn digits(text: &str) -> String {
        text.chars().filter(char::is_ascii_digit).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_number_of_the_plan_is_read_and_read_again_the_same(number in planned()) {
            let phone = Phone::parse(&number);
            prop_assert!(phone.is_ok(), "{number}: {phone:?}");
            let phone = phone.unwrap();
            prop_assert_eq!(digits(&phone.national), number.clone());
            prop_assert_eq!(&phone.e164[3..], number.strip_prefix('0').unwrap_or(&number));
            for form in [&phone.national, &phone.e164] {
                prop_assert_eq!(Phone::parse(form), Ok(phone.clone()), "{}", form);
            }
        }

        /// Near the plan and far from it.
        #[test]
        fn nothing_else_is_accepted(
            text in prop_oneof![
                "[0-9]{0,13}", "0[1-8][0-9]{6,11}", "0[2-8][0-6][1-9][0-9]{6,7}", "1[568][0-9]{4,8}",
                "\\+82[0-9]{6,12}",
            ],
        ) {
            let given = digits(&text);
            let abroad = text.starts_with('+');
            let national = if abroad { given[2..].to_owned() } else { given };
            // After +82 the trunk prefix may be there or not.
            let with_trunk = format!("0{}", national.strip_prefix('0').unwrap_or(&national));
            let expected = is_planned(&national) || abroad && is_planned(&with_trunk);
            prop_assert_eq!(Phone::parse(&text).is_ok(), expected, "{}", text);
        }

        #[test]
        fn where_the_separators_stand_does_not_matter(
            number in planned(),
            places in prop::collection::vec((0..14_usize, prop::sample::select(vec!['-', ' ', '.', '(', ')'])), 0..6),
        ) {
            let mut separated: Vec<char> = number.chars().collect();
            for (place, separator) in places {
                separated.insert(place.min(separated.len()), separator);
            }
            let separated: String = separated.into_iter().collect();
            prop_assert_eq!(Phone::parse(&separated), Phone::parse(&number), "{}", separated);
        }

        /// A number may be a person's: what is wrong with one never says it.
        #[test]
        fn no_text_makes_it_panic_or_is_repeated(text in "\\PC{0,24}|[0-9+ -]{5,20}") {
            if let Err(error) = Phone::parse(&text) {
                let said = error.text();
                let number = digits(&text);
                prop_assert!(number.len() < 5 || !digits(&said.en).contains(&number), "{}", said.en);
            }
        }
    }

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
