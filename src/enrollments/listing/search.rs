//! A search for partners by one line of text.

use crate::partners::Email;
use crate::validation::{Invalid, Text, length};
use crate::values::id::PartnerId;
use crate::values::search_pattern::ignoring_case;

/// The most characters of a search: more than any name has.
const MAX_LENGTH: usize = 255;

/// A search among partners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::enrollments) enum Search {
    /// The id of a partner.
    Partner(PartnerId),
    /// A whole e-mail address, normalized.
    Email(String),
    /// Words as regular expressions. Each word must occur in the name, e-mail address or company. Without words, every
    /// partner is found.
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
            Err(_) => Self::Words(text.split_whitespace().map(ignoring_case).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_id_address_or_words() {
        let id = "pn_01kkntq2cnf1prr1w49pfyaa1w";
        assert_eq!(Search::from_text(id), Ok(Search::Partner(id.parse().unwrap())));
        assert_eq!(Search::from_text(" Jane@Example.com "), Ok(Search::Email("jane@example.com".to_owned())));
        for text in ["", "  ", "\t"] {
            assert_eq!(Search::from_text(text), Ok(Search::Words(vec![])));
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
