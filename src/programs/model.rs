//! Programs, and the references of requests to them.

use crate::validation::{Invalid, Text};
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, GroupId, ProgramId};

/// The partners that an embed-token request can enroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AccessMode {
    /// Everybody, approved immediately.
    Public,
    /// Everybody, but approved only after a review.
    Private,
    /// Only invited partners.
    Invite,
}

/// The lifetime of an embed token: 60 s to 3 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime(i32);

impl TokenLifetime {
    /// One hour.
    pub const DEFAULT: Self = Self(3600);
    /// Three hours, the longest lifetime of a token.
    pub const MAX: Self = Self(10_800);

    /// Returns the lifetime in seconds.
    #[must_use]
    pub fn seconds(self) -> i32 {
        self.0
    }
}

impl std::str::FromStr for TokenLifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds @ 60..=10_800) => Ok(Self(seconds)),
            _ => Err("a token's lifetime is 60 to 10800 seconds"),
        }
    }
}

/// The reference of a request to a program. A text that is not an id names a program that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramRef(pub Option<ProgramId>);

impl Text for ProgramRef {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self(text.parse().ok()))
    }
}

/// A program in a list.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramSummary {
    pub id: ProgramId,
    /// The name for people.
    pub name: String,
    /// The site of the program.
    pub url: String,
    /// The page where partners find their portal.
    pub portal_url: String,
    /// The partners that an embed-token request can enroll.
    pub access_mode: AccessMode,
    /// The lifetime of embed tokens in seconds.
    pub token_lifetime_seconds: i32,
    /// The group of partners without a group of their own.
    pub default_group_id: GroupId,
    /// The domain of links that name no domain.
    pub default_domain_id: DomainId,
    /// The time of the deactivation. An inactive program does not exist for requests.
    pub deactivated_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Changes to a program; `None` leaves a setting as it is.
#[derive(Debug, Default)]
pub struct ProgramChanges {
    /// The name for people.
    pub name: Option<String>,
    /// The site of the program.
    pub url: Option<String>,
    /// The page where partners find their portal.
    pub portal_url: Option<String>,
    /// The partners that an embed-token request can enroll.
    pub access_mode: Option<AccessMode>,
    /// The lifetime of embed tokens.
    pub token_lifetime: Option<TokenLifetime>,
    /// The domain of links that name no domain.
    pub default_domain_id: Option<DomainId>,
    /// True if the program exists for requests.
    pub active: Option<bool>,
}

/// A program to be created.
#[derive(Debug)]
pub struct NewProgram {
    pub id: ProgramId,
    /// The name for people.
    pub name: String,
    /// The site of the program.
    pub url: String,
    /// The partners that an embed-token request can enroll.
    pub access_mode: AccessMode,
    /// The group of partners without a group of their own. Follows in the same transaction.
    pub default_group_id: GroupId,
    /// The domain of links that name no domain. Follows in the same transaction.
    pub default_domain_id: DomainId,
}
