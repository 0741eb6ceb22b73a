//! The data about a person, and the person's id in a customer's system.

use std::sync::LazyLock;

use regex::Regex;

use crate::validation::{Bounded, Invalid, ProblemCode, Text, length};
use crate::values::http_url::HttpUrl;

/// An e-mail address of the form that openapi.yaml defines. (`ValidateEmail` of the crate `validator` is another rule:
/// see the test `the_rule_for_emails_is_not_that_of_html`.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    display: String,
    normalized: String,
}

/// The pattern of openapi.yaml without its two look-aheads (no leading dot, no two dots in a row), which `regex` does
/// not support and [`Email::from_text`] checks separately.
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}\z")
        .expect("the pattern is constant and compiled by every test run")
});

impl Email {
    /// Returns the address as it was entered.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Returns the address in ASCII lower case, which is unique in a workspace.
    #[must_use]
    pub fn normalized(&self) -> &str {
        &self.normalized
    }
}

impl Text for Email {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 0, 190)?;
        if text.starts_with('.') || text.contains("..") || !EMAIL.is_match(text) {
            return Err(Invalid::format("Invalid email address"));
        }
        Ok(Self { display: text.to_owned(), normalized: text.to_ascii_lowercase() })
    }
}

/// The partner's id in the customer's own system: 1–255 characters, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantId(String);

impl TenantId {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for TenantId {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 1, 255)?;
        Ok(Self(text.to_owned()))
    }
}

/// A country: an ISO 3166-1 alpha-2 code in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Country(String);

impl Country {
    /// Returns the code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Country {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        // The table's look-up also accepts other spellings.
        let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_code || rust_iso3166::from_alpha2(text).is_none() {
            return Err(Invalid::new(ProblemCode::InvalidValue, "Must be an ISO 3166-1 alpha-2 country code"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The profile of a new person in a request.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The full name.
    pub name: Option<Bounded<0, 100>>,
    /// The address, unique in a workspace.
    pub email: Email,
    /// The name in the customer's system.
    pub username: Option<Bounded<1, 100>>,
    /// The URL of an avatar.
    pub image: Option<HttpUrl>,
    /// The country of residence.
    pub country: Option<Country>,
    /// A few words about the person.
    pub description: Option<Bounded<0, 5000>>,
}

#[cfg(test)]
mod tests {
    use validator::ValidateEmail;

    use super::*;

    #[test]
    fn emails_follow_the_documented_pattern() {
        for good in
            ["jane@example.com", "a@b.co", "o'neil+tag@ex-ample.co.uk", "A_B-c.d@X.COM", "1@1.aa", "x_@a.bc", "-@a.bc"]
        {
            assert!(Email::from_text(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@x.com",
            "a@",
            "a..b@x.com",
            ".a@x.com",
            "a.@x.com",
            "user@localhost",
            "a@x.c",
            "a@-x.com",
            "a@.com",
            "a b@x.com",
            "a@x..com",
            "a@b@x.com",
            "jörg@x.com",
            "a@x.com\n",
            "a@exämple.com",
            "a@x.c0m",
            "\"a\"@x.com",
            "a'@x.com",
            "<a@x.com>",
            "a@[127.0.0.1]",
            "a@x.com.",
        ] {
            assert!(Email::from_text(bad).is_err(), "{bad}");
        }
        let email = Email::from_text("Jane.Doe@Example.COM").unwrap();
        assert_eq!((email.display(), email.normalized()), ("Jane.Doe@Example.COM", "jane.doe@example.com"));
        let long = |n: usize| format!("{}@example.com", "a".repeat(n - 12));
        assert!(Email::from_text(&long(190)).is_ok());
        assert!(Email::from_text(&long(191)).is_err());
    }

    #[test]
    fn the_rule_for_emails_is_not_that_of_html() {
        for refused_only_here in ["a..b@x.com", ".a@x.com", "a.@x.com", "user@localhost", "a@x.c"] {
            assert!(refused_only_here.validate_email() && Email::from_text(refused_only_here).is_err());
        }
        let long = format!("{}@x.com", "a".repeat(65));
        for accepted_only_here in ["a@b-.com", &long] {
            assert!(!accepted_only_here.validate_email() && Email::from_text(accepted_only_here).is_ok());
        }
    }

    #[test]
    fn countries_are_upper_case_iso_codes() {
        for good in ["DE", "US", "GB", "TW"] {
            assert!(Country::from_text(good).is_ok(), "{good}");
        }
        for bad in ["", "de", "De", "USA", "UK", "XX", "D", "276", " DE"] {
            assert!(Country::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tenant_ids_count_characters() {
        assert!(TenantId::from_text(&"ä".repeat(255)).is_ok());
        assert!(TenantId::from_text(&"a".repeat(256)).is_err());
        assert!(TenantId::from_text("").is_err());
    }
}
