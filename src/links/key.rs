//! The key of a link: the rules for keys, and the derivation of keys from a person's names.

use unicode_normalization::UnicodeNormalization;

use crate::validation::{Invalid, ProblemCode, Text, length};
use crate::values::id::Ids;
use crate::values::slug::slug;

const MAX_LENGTH: usize = 190;
const MAX_PREFIX_LENGTH: usize = 50;
/// The maximum length of a base, which leaves room for the prefix and a suffix.
const MAX_BASE_LENGTH: usize = 100;
/// Letters and digits, without characters that look alike.
const SUFFIX_ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
const SUFFIX_LENGTH: usize = 4;
/// The length of a random base, for a person without any usable name.
const RANDOM_LENGTH: usize = 7;

/// Files that crawlers and browsers request from every host.
const RESERVED: [&str; 6] =
    ["robots.txt", "favicon.ico", "sitemap.xml", "manifest.json", "manifest.webmanifest", "apple-app-site-association"];

/// A key: 1–190 letters and digits of any script and `_-./`, in Unicode's composed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkKey(String);

impl LinkKey {
    /// Returns the key as entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key without regard to case, which is unique in a domain.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Returns a key without regard to case. Folding goes through upper case, because some letters have two lower-case
/// forms.
#[must_use]
pub(crate) fn fold(key: &str) -> String {
    key.to_uppercase().to_lowercase().nfc().collect()
}

impl Text for LinkKey {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let key: String = text.nfc().collect();
        // The length is checked after composition, which can make a text longer.
        length(&key, 1, MAX_LENGTH)?;
        if !key.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c)) {
            return Err(Invalid::format("Must have only letters, digits, '_', '-', '.' and '/'"));
        }
        if key.starts_with('_') {
            return Err(Invalid::format("Must not start with '_'"));
        }
        if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(Invalid::format("Must not have empty, '.' or '..' path segments"));
        }
        let folded = fold(&key);
        if RESERVED.contains(&folded.as_str()) || folded.split('/').next() == Some(".well-known") {
            return Err(Invalid::new(ProblemCode::InvalidValue, "This key is reserved"));
        }
        Ok(Self(key))
    }
}

/// The path before derived keys, without outer slashes: `/c/` is `c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl Text for KeyPrefix {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 0, MAX_PREFIX_LENGTH)?;
        let path = text.strip_prefix('/').unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Self(String::new()));
        }
        LinkKey::from_text(path).map(|key| Self(key.0))
    }
}

impl KeyPrefix {
    fn with_slash(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!("{}/", self.0) }
    }
}

/// Checks that a username can be the key of a link, also behind any prefix.
///
/// # Errors
/// `Invalid` names the rule that the username breaks.
pub fn check_username(username: &str) -> Result<(), Invalid> {
    let key = LinkKey::from_text(username)?;
    length(key.as_str(), 1, MAX_BASE_LENGTH)
}

/// The names of a person.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The name in the customer's system.
    pub username: Option<&'a str>,
    /// The full name.
    pub name: Option<&'a str>,
    /// The e-mail address.
    pub email: &'a str,
}

/// The prefix and the text from which the keys of a partner's links are derived.
#[derive(Debug, Clone)]
pub struct KeyBase {
    prefix: String,
    base: String,
}

impl KeyBase {
    /// Derives the base from the username, else from the slug of the name, else from the slug of the e-mail's local
    /// part, else from random characters. A username that is not a valid key (see [`check_username`]) is ignored.
    #[must_use]
    pub fn derive(names: &Names<'_>, prefix: Option<&KeyPrefix>, ids: &Ids) -> Self {
        let prefix = prefix.map(KeyPrefix::with_slash).unwrap_or_default();
        let username = names.username.filter(|username| LinkKey::from_text(username).is_ok());
        let base = if let Some(username) = username {
            username.nfc().collect()
        } else {
            let local_part = names.email.split('@').next().unwrap_or_default();
            slug(names.name.filter(|name| !name.is_empty()).unwrap_or(local_part), MAX_BASE_LENGTH)
        };
        let base = if base.is_empty() { ids.string(SUFFIX_ALPHABET, RANDOM_LENGTH) } else { base };
        Self { prefix, base }
    }

    /// Returns the key of an attempt. The first key is plain unless `several` links share the base. Every other key has
    /// a random suffix, which grows with the attempts.
    ///
    /// # Errors
    /// A derived base never fails, although the type allows an error.
    pub fn key(&self, several: bool, attempt: u32, ids: &Ids) -> Result<LinkKey, Invalid> {
        let Self { prefix, base } = self;
        // A name can spell a reserved key. A suffix makes the key valid.
        if attempt == 0
            && !several
            && let Ok(key) = LinkKey::from_text(&format!("{prefix}{base}"))
        {
            return Ok(key);
        }
        let length = SUFFIX_LENGTH + usize::try_from(attempt / 2).unwrap_or(0);
        LinkKey::from_text(&format!("{prefix}{base}-{}", ids.string(SUFFIX_ALPHABET, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_letters_digits_and_some_punctuation() {
        for good in ["a", "ref_456", "Jörg", "c/jane-a7f2", "日本", "a.b", "ＡＢ", &"ä".repeat(190)] {
            assert!(LinkKey::from_text(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "_a",
            "a b",
            "a@b",
            "a+b",
            "a&b",
            "a'b",
            "a%b",
            "a?b",
            "a#b",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/./b",
            "robots.txt",
            "Robots.TXT",
            "favicon.ico",
            "sitemap.xml",
            "manifest.json",
            "manifest.webmanifest",
            "apple-app-site-association",
            ".well-known/x",
            ".well-known",
            ".WELL-KNOWN/y",
            "a\tb",
            &"a".repeat(191),
        ] {
            assert!(LinkKey::from_text(bad).is_err(), "{bad}");
        }
        // The composed and the decomposed spelling are one key, and case is ignored in every script.
        let composed = LinkKey::from_text("J\u{f6}rg").unwrap();
        let decomposed = LinkKey::from_text("JO\u{308}RG").unwrap();
        assert_eq!(composed.folded(), decomposed.folded());
        assert_ne!(composed, decomposed);
        assert_eq!(fold("οδος"), fold("ΟΔΟΣ"));
        assert_eq!(fold("straße"), fold("STRASSE"));
    }

    fn names<'a>(name: Option<&'a str>, username: Option<&'a str>, email: &'a str) -> Names<'a> {
        Names { username, name, email }
    }

    #[test]
    fn key_comes_from_the_first_usable_name() {
        let ids = Ids::seeded(3);
        let derive = |names: &Names<'_>, prefix: Option<&str>| {
            let prefix = prefix.map(|prefix| KeyPrefix::from_text(prefix).unwrap());
            KeyBase::derive(names, prefix.as_ref(), &ids)
        };
        let key = |names: &Names<'_>, prefix| derive(names, prefix).key(false, 0, &ids).unwrap().0;
        assert_eq!(key(&names(Some("Jane Doe"), Some("JaneD"), "j@x.com"), None), "JaneD");
        assert_eq!(key(&names(Some("Jane Doe"), None, "j@x.com"), None), "jane-doe");
        assert_eq!(key(&names(None, None, "j.d@x.com"), None), "j-d");
        assert_eq!(key(&names(Some(""), None, "j.d@x.com"), None), "j-d");
        assert_eq!(key(&names(Some("Jane"), None, "j@x.com"), Some("/c/")), "c/jane");
        assert_eq!(key(&names(Some("Jane"), None, "j@x.com"), Some("/")), "jane");
        assert_eq!(key(&names(Some("!!!"), None, "j@x.com"), None).len(), RANDOM_LENGTH);

        let base = derive(&names(Some("Jane"), None, "j@x.com"), None);
        let reserved = key(&names(Some("Apple App Site Association"), None, "j@x.com"), None);
        assert!(reserved.starts_with("apple-app-site-association-"), "{reserved}");
        let suffixed = base.key(true, 0, &ids).unwrap().0;
        assert!(suffixed.starts_with("jane-") && suffixed.len() == 9, "{suffixed}");
        assert_eq!(base.key(false, 1, &ids).unwrap().0.len(), 9);
        assert!(base.key(false, 6, &ids).unwrap().0.len() > 9);
    }

    #[test]
    fn username_must_be_a_valid_key() {
        for bad in ["a b", "robots.txt", "_x", "a@b"] {
            assert!(check_username(bad).is_err(), "{bad}");
        }
        assert!(check_username("JaneD").is_ok());
        // U+FB2C becomes three characters when composed.
        assert!(check_username(&"\u{fb2c}".repeat(100)).is_err());
        assert!(KeyPrefix::from_text("/.well-known/").is_err());
    }

    #[test]
    fn longest_parts_fit_into_a_key() {
        let ids = Ids::seeded(4);
        let username = "x".repeat(100);
        let prefix = KeyPrefix::from_text(&"p".repeat(MAX_PREFIX_LENGTH)).unwrap();
        let base = KeyBase::derive(&names(None, Some(&username), "j@x.com"), Some(&prefix), &ids);
        assert!((0..40).all(|attempt| base.key(true, attempt, &ids).is_ok()));
    }
}
