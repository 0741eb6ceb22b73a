//! What is looked for with one line of text.

use crate::id::PartnerId;
use crate::partners::Email;
use crate::validation::{Invalid, Text, length};

/// Longer than any name.
const MAX_LENGTH: usize = 255;

/// A search among partners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::enrollments) enum Search {
    /// A partner's id.
    Partner(PartnerId),
    /// A whole e-mail address, normalised.
    Email(String),
    /// Words, all of which must stand somewhere in name, e-mail and company, as regular expressions. None: everybody.
    Words(Vec<String>),
}

impl Text for Search {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 0, MAX_LENGTH)?;
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Ok(Self::Partner(id));
        }
        Ok(match Email::from_text(text) {
            Ok(email) => Self::Email(email.normalized().to_owned()),
            Err(_) => Self::Words(text.split_whitespace().map(pattern).collect()),
        })
    }
}

/// A regular expression that finds this word without regard to case, in letters of any script. (The database's own
/// ways to ignore case go by its locale, and ours is `C`: they would know ASCII only.)
fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(4 * word.len());
    for character in word.chars() {
        let cases = cases(character);
        match cases.as_slice() {
            [only] if only.is_ascii() && !only.is_ascii_alphanumeric() => pattern.extend(['\\', *only]),
            [only] => pattern.push(*only),
            several => {
                pattern.push('[');
                pattern.extend(several);
                pattern.push(']');
            }
        }
    }
    pattern
}

/// A character and what it is in the other case, where that is one character.
fn cases(character: char) -> Vec<char> {
    let upper = single(character.to_uppercase()).unwrap_or(character);
    let mut cases = vec![character, upper];
    cases.extend([character, upper].into_iter().filter_map(|it| single(it.to_lowercase())));
    cases.sort_unstable();
    cases.dedup();
    cases
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_means() {
        let id = "pn_01kkntq2cnf1prr1w49pfyaa1w";
        assert_eq!(Search::from_text(id), Ok(Search::Partner(id.parse().unwrap())));
        assert_eq!(Search::from_text(" Jane@Example.com "), Ok(Search::Email("jane@example.com".to_owned())));
        for everybody in ["", "  ", "\t"] {
            assert_eq!(Search::from_text(everybody), Ok(Search::Words(vec![])));
        }
        for (text, words) in [
            ("a B", ["[Aa]", "[Bb]"].as_slice()),
            ("50%_.*", &["50\\%\\_\\.\\*"]),
            ("a\\[b]^", &["[Aa]\\\\\\[[Bb]\\]\\^"]),
            ("Ёж", &["[Ёё][Жж]"]),
            ("ß東😀", &["ß東😀"]),
            ("ς", &["[Σςσ]"]),
            ("pn_1", &["[Pp][Nn]\\_1"]),
            ("jane@", &["[Jj][Aa][Nn][Ee]\\@"]),
        ] {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(Search::from_text(text), Ok(Search::Words(words)), "{text}");
        }
        assert!(Search::from_text(&"a".repeat(256)).is_err());
    }
}
