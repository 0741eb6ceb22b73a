//! Groups, and the values that requests have for them.

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

use crate::programs::AccessMode;
use crate::validation::{
    Bounded, Fields, FromFields, FromJson, Invalid, ProblemCode, Scope, Text, count, range, read_object,
};
use crate::values::clock::Timestamp;
use crate::values::color::Color;
use crate::values::http_url::HttpUrl;
use crate::values::id::{DomainId, GroupDefaultLinkId, GroupId, InvalidId, ProgramId};
use crate::workspaces::Slug;

/// The maximum number of default links of a group.
const MAX_DEFAULT_LINKS: usize = 5;
/// The highest limit of links for one partner: more links than anybody creates.
const MAX_PARTNER_LINKS: i32 = 10_000;

/// A group of partners.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) program_id: ProgramId,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) color: Option<Color>,
    pub(crate) is_default: bool,
    pub(crate) default_links: Json<Vec<DefaultLink>>,
    pub(crate) max_partner_links: Option<i32>,
    pub(crate) allowed_hosts: Vec<String>,
    /// `None` where the partners were not counted.
    pub(crate) partners_count: Option<i64>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// The name of a group for people.
pub(super) type Name = Bounded<1, 100>;

/// The maximum number of links of a partner of a group, default links included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaxPartnerLinks(i32);

impl MaxPartnerLinks {
    pub(super) fn get(self) -> i32 {
        self.0
    }
}

impl FromJson for MaxPartnerLinks {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Some(number) = value.as_i64() else {
            scope.wrong_type("an integer");
            return None;
        };
        scope.accept(range(number, 1..=MAX_PARTNER_LINKS.into()))?;
        i32::try_from(number).ok().map(Self)
    }
}

/// A default link in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedLink {
    pub(super) id: WantedId,
    pub(super) url: HttpUrl,
}

/// The reference of a request to a default link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedId {
    /// A new default link.
    New,
    /// An existing default link; `None` for a text that is not an id, and so names a link that does not exist.
    Present(Option<GroupDefaultLinkId>),
}

impl Text for WantedId {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self::Present(text.parse().ok()))
    }
}

impl FromJson for WantedLink {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        read_object(value, scope)
    }
}

impl FromFields for WantedLink {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional("id").unwrap_or(WantedId::New);
        let url = fields.required("url");
        Some(Self { id, url: url? })
    }
}

/// The default links that a request gives a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedLinks(Vec<WantedLink>);

impl WantedLinks {
    pub(super) fn as_slice(&self) -> &[WantedLink] {
        &self.0
    }
}

impl FromJson for WantedLinks {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        if let Some(links) = value.as_array() {
            scope.accept(count(links, 0..=MAX_DEFAULT_LINKS, "item"))?;
        }
        let links: Vec<WantedLink> = scope.list(value)?;
        for (index, link) in links.iter().enumerate() {
            if link.id != WantedId::New && links[..index].iter().any(|earlier| earlier.id == link.id) {
                let mut item = scope.child(format_args!("[{index}].id"));
                item.fail(Invalid::new(ProblemCode::Custom, "Must not stand there twice"));
            }
        }
        // A noted problem rejects the whole request, whatever this function returns.
        Some(Self(links))
    }
}

/// The reference of a request to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRef {
    Id(GroupId),
    Slug(String),
}

impl From<&str> for GroupRef {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Slug(text.to_owned()), Self::Id)
    }
}

/// Parses a path segment: a text that cannot be stored is not a slug.
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
    /// Returns the id or the slug. A statement has the condition `(id = $id OR slug = $slug)`, in which a null matches
    /// nothing.
    #[must_use]
    pub fn parts(&self) -> (Option<GroupId>, Option<&str>) {
        match self {
            Self::Id(id) => (Some(*id), None),
            Self::Slug(slug) => (None, Some(slug)),
        }
    }
}

/// A group to create.
#[derive(Debug)]
pub struct NewGroup {
    pub id: GroupId,
    /// The name for people.
    pub name: String,
    /// The name in requests.
    pub slug: Slug,
    /// The color in which the group is shown.
    pub color: Option<Color>,
    /// The maximum number of links of a partner; `None` means any number.
    pub max_partner_links: Option<i32>,
    /// The hosts that links may point to; an empty list means every host.
    pub allowed_hosts: Vec<String>,
}

/// A link that every partner of a group gets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct DefaultLink {
    /// The id.
    #[serde(deserialize_with = "id_from_uuid")]
    pub id: GroupDefaultLinkId,
    /// The target.
    pub url: String,
}

fn id_from_uuid<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<GroupDefaultLinkId, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    uuid::Uuid::try_parse(&text).map(GroupDefaultLinkId::from).map_err(serde::de::Error::custom)
}

/// The settings that a new enrollment in a program gets.
#[derive(Debug, Clone)]
pub struct EnrollmentTerms {
    /// The partners that an embed-token request can enroll.
    pub access_mode: AccessMode,
    /// The lifetime of embed tokens in seconds.
    pub token_lifetime_seconds: i32,
    /// The group of the enrollment.
    pub group_id: GroupId,
    /// The version of the group when the settings were read.
    pub group_version: i32,
    /// The domain of new links.
    pub domain_id: DomainId,
    /// The default links of the group.
    pub default_links: Vec<DefaultLink>,
}
