//! Groups and what a request says about them.

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
use crate::values::id::{ApiKeyId, DomainId, GroupDefaultLinkId, GroupId, InvalidId, ProgramId, WorkspaceId};
use crate::workspaces::Slug;

/// The most default links of a group.
const MAX_DEFAULT_LINKS: usize = 5;
/// More links than anybody makes for one partner.
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
    /// `None` where it was not asked for.
    pub(crate) partners_count: Option<i64>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// Who changes a group, and in which program.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "they are the ids of three things")]
pub(crate) struct Actor {
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) program_id: ProgramId,
    /// `None` for an operator on the command line.
    pub(crate) api_key_id: Option<ApiKeyId>,
}

/// The name for people.
pub(crate) type Name = Bounded<1, 100>;

/// How many links a partner of a group may have, its default links included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaxPartnerLinks(i32);

impl MaxPartnerLinks {
    pub(crate) fn get(self) -> i32 {
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

/// A default link as a request describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLink {
    pub(crate) id: WantedId,
    pub(crate) url: HttpUrl,
}

/// Which default link a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedId {
    /// One that is to be made.
    New,
    /// One that is there; `None` for a text that is no id: to the caller that is one that does not exist.
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

/// The default links that a group is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedLinks(Vec<WantedLink>);

impl WantedLinks {
    pub(crate) fn as_slice(&self) -> &[WantedLink] {
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
