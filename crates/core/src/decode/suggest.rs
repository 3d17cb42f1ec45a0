//! What somebody who wrote an unknown name most likely meant.
//!
//! Channels have their own rule, [`crate::channel::Channel::suggest`], which
//! knows their Korean names too.

/// The one of `known` that `name` is nearest to, where one is near: the same
/// letters in another case or with other separators, a longer or shorter form
/// of it, or at most two letters wrong.
pub(super) fn near<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    // A near name is not much longer than a known one; this bounds the work.
    if name.len() > 64 {
        return None;
    }
    let letters = letters_of(name);
    if letters.is_empty() {
        return None;
    }
    let same = |known: &&&str| letters_of(known) == letters;
    let begins_alike = |known: &&&str| {
        let known = letters_of(known);
        letters.len() >= 4 && (known.starts_with(&letters) || letters.starts_with(&known))
    };
    let few_wrong = |known: &&&str| {
        let known = letters_of(known);
        letters.len() >= 4 && distance(&known, &letters) <= 2
    };
    known
        .iter()
        .find(same)
        .or_else(|| known.iter().find(begins_alike))
        .or_else(|| known.iter().find(few_wrong))
        .copied()
}

fn letters_of(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let known = ["imageUrl", "audioUrl", "videoUrl", "hashtags", "eventId"];
        for (name, expected) in [
            ("imageURL", Some("imageUrl")),
            ("image_url", Some("imageUrl")),
            ("image", Some("imageUrl")),
            ("imageUrls", Some("imageUrl")),
            ("hashTag", Some("hashtags")),
            ("evnetId", Some("eventId")),
            ("event-id", Some("eventId")),
            ("tenantId", None),
            ("foo", None),
            ("", None),
            ("😀", None),
        ] {
            assert_eq!(near(name, &known), expected, "{name}");
        }
    }

    #[test]
    fn distance_counts_edits() {
        let count = |a: &str, b: &str| distance(&letters_of(a), &letters_of(b));
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", "abc"), 0);
    }
}
