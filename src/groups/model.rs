//! Groups and what a request says about them.

use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

use crate::clock::Timestamp;
use crate::color::Color;
use crate::http_url::HttpUrl;
use crate::id::{ApiKeyId, GroupDefaultLinkId, GroupId, ProgramId, WorkspaceId};
use crate::programs::DefaultLink;
use crate::validation::{
    Bounded, Fields, FromFields, FromJson, Invalid, ProblemCode, Scope, Text, count, range, read_object,
};

/// The most default links of a group.
const MAX_DEFAULT_LINKS: usize = 5;
/// More links than anybody makes for one partner.
const MAX_PARTNER_LINKS: i32 = 10_000;

/// A group of partners.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) program_id: ProgramId,
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) color: Option<Color>,
    pub(super) is_default: bool,
    pub(super) default_links: Json<Vec<DefaultLink>>,
    pub(super) max_partner_links: Option<i32>,
    pub(super) allowed_hosts: Vec<String>,
    /// `None` where it was not asked for.
    pub(super) partners_count: Option<i64>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// Who changes a group, and in which program.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "they are the ids of three things")]
pub(super) struct Actor {
    pub(super) workspace_id: WorkspaceId,
    pub(super) program_id: ProgramId,
    /// `None` for an operator on the command line.
    pub(super) api_key_id: Option<ApiKeyId>,
}

/// The name for people.
pub(super) type Name = Bounded<1, 100>;

/// How many links a partner of a group may have, its default links included.
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

/// A default link as a request describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedLink {
    pub(super) id: WantedId,
    pub(super) url: HttpUrl,
}

/// Which default link a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WantedId {
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
