//! Slugs: names as a part of an address.

use unicode_normalization::UnicodeNormalization;

/// Returns lower-case ASCII words joined by hyphens, at most `max_length` characters. Empty when the text has no letter or
/// digit.
#[must_use]
pub fn slug(text: &str, max_length: usize) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.nfc() {
        // German letters and the ampersand have a customary spelling that differs from the general transliteration.
        match c {
            'ä' | 'Ä' => spelled.push_str("ae"),
            'ö' | 'Ö' => spelled.push_str("oe"),
            'ü' | 'Ü' => spelled.push_str("ue"),
            'ß' | 'ẞ' => spelled.push_str("ss"),
            '&' => spelled.push_str(" and "),
            // "O'Neil" is one word.
            '\'' | '’' => {}
            other => spelled.push(other),
        }
    }
    let ascii = deunicode::deunicode_with_tofu(&spelled, " ").to_ascii_lowercase();
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(max_length);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_ascii_words() {
        for (text, expected) in [
            ("Müller & Söhne", "mueller-and-soehne"),
            ("Jane Doe", "jane-doe"),
            ("  Jane   Doe!! ", "jane-doe"),
            ("José Ñandú", "jose-nandu"),
            ("O'Neil", "oneil"),
            ("Straße 5", "strasse-5"),
            ("Владимир", "vladimir"),
            ("jane.doe+news", "jane-doe-news"),
            ("---", ""),
            ("", ""),
        ] {
            assert_eq!(slug(text, 100), expected, "{text}");
        }
        assert!(slug(&"中".repeat(100), 100).len() <= 100);
        assert_eq!(slug("one two", 4), "one");
    }
}
