//! Profiles of a partner on social networks.

use crate::validation::{Bounded, Invalid, Text};
use crate::values::http_url::HttpUrl;

/// A handle, stored without a leading `@`, or the URL of the profile, stored like an [`HttpUrl`]. A text with a slash
/// is a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocialProfile(String);

impl SocialProfile {
    /// Returns the handle or the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for SocialProfile {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        if text.contains('/') {
            return HttpUrl::from_text(text).map(|url| Self(url.as_str().to_owned()));
        }
        let handle = Bounded::<1, 100>::from_text(text.strip_prefix('@').unwrap_or(text))?;
        if !handle.as_str().chars().all(|c| c.is_alphanumeric() || "._-".contains(c)) {
            return Err(Invalid::format("Must be a handle, of letters, digits and . _ -, or the URL of the profile"));
        }
        Ok(Self(handle.as_str().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_and_urls_are_normalized() {
        for (text, stored) in [
            ("maya", "maya"),
            ("@maya", "maya"),
            ("Maya.Knits_2-go", "Maya.Knits_2-go"),
            ("マヤ", "マヤ"),
            ("https://x.com/maya", "https://x.com/maya"),
            ("x.com/@maya", "https://x.com/@maya"),
        ] {
            assert_eq!(SocialProfile::from_text(text).as_ref().map(SocialProfile::as_str), Ok(stored), "{text}");
        }
        for text in
            ["", "@", "@@maya", "ma ya", "maya!", "in/maya", "javascript:alert(1)", "ftp://x.com/maya", "//x.com/maya"]
        {
            assert!(SocialProfile::from_text(text).is_err(), "{text}");
        }
        assert!(SocialProfile::from_text(&"a".repeat(100)).is_ok());
        assert!(SocialProfile::from_text(&"a".repeat(101)).is_err());
    }
}
