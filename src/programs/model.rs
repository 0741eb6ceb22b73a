//! Programs and what they decide about an enrollment.

use std::str::FromStr;

use crate::clock::Timestamp;
use crate::color::Color;
use crate::id::{DomainId, GroupDefaultLinkId, GroupId, InvalidId, ProgramId};
use crate::validation::{Invalid, Text};
use crate::workspaces::Slug;

/// Who may come in through a token route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AccessMode {
    /// Everybody, at once.
    Public,
    /// Everybody, after a review.
    Private,
    /// Only who was invited.
    Invite,
}

/// How long an embed token works: 60 s to 3 h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime(i32);

impl TokenLifetime {
    /// One hour.
    pub const DEFAULT: Self = Self(3600);
    /// Three hours. No token lives longer.
    pub const MAX: Self = Self(10_800);

    /// In seconds.
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

/// How a request names a program. An id that does not parse is one that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramRef(pub Option<ProgramId>);

impl Text for ProgramRef {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self(text.parse().ok()))
    }
}

/// How a request names a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRef {
    /// By id.
    Id(GroupId),
    /// By slug.
    Slug(String),
}

impl From<&str> for GroupRef {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Slug(text.to_owned()), Self::Id)
    }
}

/// For a path: what cannot be stored is no slug.
impl FromStr for GroupRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.contains('\0') { Err(InvalidId) } else { Ok(Self::from(text)) }
    }
}

impl Text for GroupRef {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self::from(text))
    }
}

impl GroupRef {
    /// The id and the slug, one of which is there: a statement asks for `(id = $id OR slug = $slug)`, and a null finds
    /// nothing.
    #[must_use]
    pub fn parts(&self) -> (Option<GroupId>, Option<&str>) {
        match self {
            Self::Id(id) => (Some(*id), None),
            Self::Slug(slug) => (None, Some(slug)),
        }
    }
}

/// A group to be made.
#[derive(Debug)]
pub struct NewGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name for people.
    pub name: String,
    /// Its name in requests.
    pub slug: Slug,
    /// The color in which it is shown.
    pub color: Option<Color>,
    /// How many links a partner may have; none: any number.
    pub max_partner_links: Option<i32>,
    /// Hosts that links may lead to; empty: every host.
    pub allowed_hosts: Vec<String>,
}

/// A link that every partner of a group gets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct DefaultLink {
    /// Its id.
    #[serde(deserialize_with = "id_from_uuid")]
    pub id: GroupDefaultLinkId,
    /// Where it leads.
    pub url: String,
}

fn id_from_uuid<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<GroupDefaultLinkId, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    uuid::Uuid::try_parse(&text).map(GroupDefaultLinkId::from).map_err(serde::de::Error::custom)
}

/// What a new enrollment in a program gets.
#[derive(Debug, Clone)]
pub struct EnrollmentTerms {
    /// Who may come in.
    pub access_mode: AccessMode,
    /// Of its tokens, in seconds.
    pub token_lifetime_seconds: i32,
    /// Its group.
    pub group_id: GroupId,
    /// Of the group, when this was read.
    pub group_version: i32,
    /// Where its links live.
    pub domain_id: DomainId,
    /// Its links.
    pub default_links: Vec<DefaultLink>,
}

/// A place where links of a program live.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Its program.
    pub program_id: ProgramId,
    /// Its host.
    pub host: String,
    /// What a key is appended to.
    pub url_prefix: String,
    /// Whether it is offered beside the program's own.
    pub is_additional: bool,
    /// Whether links live there that name no domain.
    pub is_default: bool,
}

/// A program in a list.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProgramSummary {
    /// Its id.
    pub id: ProgramId,
    /// Its name for people.
    pub name: String,
    /// The site that it is about.
    pub url: String,
    /// Where its partners find their portal.
    pub portal_url: String,
    /// Who may come in.
    pub access_mode: AccessMode,
    /// Of embed tokens, in seconds.
    pub token_lifetime_seconds: i32,
    /// The group of a partner for whom none is named.
    pub default_group_id: GroupId,
    /// The domain of a link for which none is named.
    pub default_domain_id: DomainId,
    /// Since when it does not exist to any request.
    pub deactivated_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Changes to a program; `None` leaves a setting as it is.
#[derive(Debug, Default)]
pub struct ProgramChanges {
    /// The name for people.
    pub name: Option<String>,
    /// The site that it is about.
    pub url: Option<String>,
    /// Where its partners find their portal.
    pub portal_url: Option<String>,
    /// Who may come in.
    pub access_mode: Option<AccessMode>,
    /// Of embed tokens.
    pub token_lifetime: Option<TokenLifetime>,
    /// The domain of a link for which none is named.
    pub default_domain_id: Option<DomainId>,
    /// Whether it exists to requests.
    pub active: Option<bool>,
}
