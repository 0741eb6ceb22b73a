//! Links and the references by which a request names a link.

use std::str::FromStr;

use serde::Serialize;

use super::key::{self, LinkKey};
use super::settings::{LinkSettings, SettingChanges};
use crate::domains::short_link;
use crate::tags::Tag;
use crate::validation::{Change, Invalid, Text, length};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;
use crate::values::id::{DomainId, GroupDefaultLinkId, InvalidId, LinkId, PartnerId, ProgramId, WorkspaceId};

/// The link's id in the customer's own system: 1–255 characters, unique in the workspace. A leading `ext_`, which
/// marks such an id in a query, is not part of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for ExternalId {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, 1, 255)?;
        let id = text.strip_prefix("ext_").unwrap_or(text);
        length(id, 1, 255)?;
        Ok(Self(id.to_owned()))
    }
}

/// The key of a link, on any host or on a given one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    /// The case-folded key.
    pub(crate) key_folded: String,
    /// The host, on which a program can have several domains.
    pub(crate) host: Option<String>,
}

/// A reference to a link in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkRef {
    /// The link's own id.
    Id(LinkId),
    /// The id in the customer's own system.
    External(ExternalId),
    /// The key. A key on several domains names the link on the program's default domain, else the oldest link.
    Key(KeyRef),
}

impl LinkRef {
    /// Refers to a link by its key.
    #[must_use]
    pub fn key(key: &str, host: Option<&str>) -> Self {
        Self::Key(KeyRef { key_folded: key::fold(key), host: host.map(str::to_ascii_lowercase) })
    }
}

impl FromStr for LinkRef {
    type Err = InvalidId;

    /// Parses a `link_…` id, or `ext_` and the id in the customer's own system.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // PostgreSQL rejects U+0000 in texts.
        if text.contains('\0') {
            return Err(InvalidId);
        }
        if text.starts_with("ext_") {
            return ExternalId::from_text(text).map(Self::External).map_err(|_| InvalidId);
        }
        text.parse().map(Self::Id)
    }
}

/// The owner of a link. A partner has at most one enrollment in a program, so that the three ids name the enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the fields are the ids of three objects")]
pub struct LinkOwner {
    pub workspace_id: WorkspaceId,
    pub program_id: ProgramId,
    pub partner_id: PartnerId,
}

impl LinkOwner {
    /// Names the enrollment of a partner in a program.
    #[must_use]
    pub fn new(scope: ProgramScope, partner_id: PartnerId) -> Self {
        Self { workspace_id: scope.workspace_id, program_id: scope.program_id, partner_id }
    }

    /// Returns the program in which the partner is enrolled.
    #[must_use]
    pub fn scope(&self) -> ProgramScope {
        ProgramScope { workspace_id: self.workspace_id, program_id: self.program_id }
    }
}

/// A new link.
#[derive(Debug, Clone)]
pub(crate) struct NewLink {
    pub id: LinkId,
    pub key: LinkKey,
    /// The target.
    pub url: String,
    /// The group's default link that this link is created for.
    pub default_link_id: Option<GroupDefaultLinkId>,
    pub external_id: Option<ExternalId>,
}

/// A stored link with all columns, and its domain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) owner: LinkOwner,
    pub(crate) tenant_id: Option<String>,
    pub(crate) domain_id: DomainId,
    pub(crate) host: String,
    pub(crate) url_prefix: String,
    /// True if partners can choose the domain next to the program's own.
    pub(crate) is_additional: bool,
    pub(crate) key: String,
    pub(crate) url: String,
    pub(crate) external_id: Option<String>,
    /// True if the link was created for a default link that the partner's group still has.
    pub(crate) is_default: bool,
    pub(crate) settings: LinkSettings,
    /// Sorted by name.
    pub(crate) tags: Vec<Tag>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) clicks: i64,
    pub(crate) leads: i64,
    pub(crate) conversions: i64,
    pub(crate) sales: i64,
    pub(crate) sale_amount: i64,
    pub(crate) last_clicked: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Link {
    /// Returns whether a reference means this link.
    pub(crate) fn has_name(&self, name: &LinkRef) -> bool {
        match name {
            LinkRef::Id(id) => self.id == *id,
            LinkRef::External(id) => self.external_id.as_deref() == Some(id.as_str()),
            LinkRef::Key(KeyRef { key_folded, host }) => {
                key::fold(&self.key) == *key_folded && host.as_ref().is_none_or(|host| *host == self.host)
            }
        }
    }
}

/// Changes to an existing link. Absent members keep their values.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkChanges {
    /// The target.
    pub(super) url: Option<HttpUrl>,
    pub(super) domain_id: Option<DomainId>,
    /// The host of the domain, in place of the domain's id.
    pub(super) host: Option<String>,
    pub(super) key: Option<LinkKey>,
    pub(super) external_id: Change<ExternalId>,
    pub(super) settings: SettingChanges,
}

/// A link in a partner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartnerLink {
    id: LinkId,
    domain: String,
    key: String,
    short_link: String,
    url: String,
    /// The number of visits.
    pub clicks: i64,
    /// Sign-ups.
    pub leads: i64,
    /// Sign-ups that became customers.
    pub conversions: i64,
    /// Payments, recurring ones included.
    pub sales: i64,
    /// The sum of the sales, in cents.
    pub sale_amount: i64,
}

/// The columns of a link and of the link's domain for the list of a partner.
#[derive(Debug)]
pub(crate) struct LinkRow {
    pub(crate) id: LinkId,
    pub(crate) host: String,
    pub(crate) url_prefix: String,
    pub(crate) key: String,
    pub(crate) url: String,
    pub(crate) clicks: i64,
    pub(crate) leads: i64,
    pub(crate) conversions: i64,
    pub(crate) sales: i64,
    pub(crate) sale_amount: i64,
}

impl From<LinkRow> for PartnerLink {
    fn from(row: LinkRow) -> Self {
        Self {
            short_link: short_link(&row.url_prefix, &row.key),
            id: row.id,
            domain: row.host,
            key: row.key,
            url: row.url,
            clicks: row.clicks,
            leads: row.leads,
            conversions: row.conversions,
            sales: row.sales,
            sale_amount: row.sale_amount,
        }
    }
}
