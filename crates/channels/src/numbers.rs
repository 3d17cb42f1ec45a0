//! Takes people's numbers out of what a channel said (I20).
//!
//! Whatever may be a telephone number counts as one: many digits, however they
//! are parted. That takes some dates and ids, too; what is shown once is not
//! taken back. Deliberately absent: numbers in words, or coded otherwise.

/// So many digits in a row may be a number.
const DIGITS: usize = 7;

/// Between two digits of a number, at most: `) - `, and one to spare.
const APART: usize = 5;

/// `text` with `…` for each number. Where it `goes_on` and that was cut off,
/// digits at its end may be a number's beginning. What comes after the first
/// `enough` letters may be missing.
pub(crate) fn without_numbers(text: &str, goes_on: bool, enough: usize) -> String {
    let mut clean = String::new();
    let mut run = Run::default();
    for letter in text.chars() {
        if run.takes(letter) {
            continue;
        }
        run.flush(&mut clean, DIGITS);
        clean.push(letter);
        // A letter has four bytes at most; to count them each time takes longer.
        if clean.len() >= enough.saturating_mul(4) {
            return clean;
        }
    }
    run.flush(&mut clean, if goes_on { 1 } else { DIGITS });
    clean
}

/// Digits, and what parts them.
#[derive(Default)]
struct Run {
    letters: String,
    digits: usize,
    /// Bytes of `letters` up to the last digit.
    end: usize,
    /// Letters after the last digit.
    apart: usize,
}

impl Run {
    /// Whether the letter belongs to it, or may.
    fn takes(&mut self, letter: char) -> bool {
        if letter.is_numeric() {
            self.letters.push(letter);
            (self.digits, self.end, self.apart) = (self.digits + 1, self.letters.len(), 0);
            return true;
        }
        // Controls are left out of what is shown: then they part nothing.
        let is_shown = !letter.is_control();
        let parts = self.digits > 0 && (!is_shown || self.apart < APART && may_part(letter));
        if parts {
            self.letters.push(letter);
            self.apart += usize::from(is_shown);
        }
        parts
    }

    fn flush(&mut self, clean: &mut String, least: usize) {
        let run = std::mem::take(self);
        let (number, rest) = run.letters.split_at(run.end);
        clean.push_str(if run.digits < least { number } else { "…" });
        clean.push_str(rest);
    }
}

/// Whatever is no letter, but for what parts two values: of those each is
/// looked at for itself.
fn may_part(letter: char) -> bool {
    !letter.is_alphanumeric() && !matches!(letter, ',' | ':' | ';' | '"' | '\'' | '[' | ']' | '{' | '}' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_out_however_it_is_parted() {
        for (said, kept) in [
            (
                "bad recipientNo 010-1234-5678, code 3018",
                "bad recipientNo …, code 3018",
            ),
            ("01012345678", "…"),
            ("010 1234 5678 is no friend", "… is no friend"),
            ("+82 10 1234 5678!", "+…!"),
            ("+82 (0)10-1234-5678", "+…"),
            ("(010) 1234-5678", "(…"),
            ("(010) - 1234 - 5678", "(…"),
            ("010.1234.5678 010/1234/5678 010_1234_5678", "…"),
            ("010\u{2013}1234\u{2013}5678", "…"),
            ("010\u{2011}1234\u{a0}5678", "…"),
            ("010\u{200b}1234\u{200b}5678", "…"),
            ("０１０－１２３４－５６７８", "…"),
            ("010\t1234\n5678", "…"),
            ("010\0\0\0\0\0\0\0-1234 - (\r\n5678", "…"),
            (r#"["01012345678","01012345679"]"#, r#"["…","…"]"#),
            ("[3018,3019,3020]", "[3018,3019,3020]"),
            (
                "{\"resultCode\": 3018, \"count\": 1000}",
                "{\"resultCode\": 3018, \"count\": 1000}",
            ),
            ("code 3018 at 12", "code 3018 at 12"),
            ("가나다", "가나다"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(said, false, usize::MAX), kept);
        }
    }

    #[test]
    fn what_is_cut_off_may_be_a_number_s_beginning() {
        assert_eq!(without_numbers("to 010-12", true, usize::MAX), "to …");
        assert_eq!(without_numbers("to 010-", true, usize::MAX), "to …-");
        assert_eq!(without_numbers("to 010-12", false, usize::MAX), "to 010-12");
        assert_eq!(without_numbers("3018: no", true, usize::MAX), "3018: no");
    }

    /// An answer of megabytes is not read to its end for three hundred letters.
    #[test]
    fn what_follows_when_enough_is_clean_is_left_out() {
        let long = format!("to 010-1234-5678: {}", "가 ".repeat(100_000));
        let clean = without_numbers(&long, false, 300);
        assert!(clean.starts_with("to …: 가 가"), "{clean}");
        assert!((300..1_300).contains(&clean.chars().count()), "{}", clean.len());
        let numbers = without_numbers(&"010-1234-5678, ".repeat(100_000), false, 300);
        assert!(!numbers.contains(|letter: char| letter.is_numeric()), "{numbers}");
    }
}
