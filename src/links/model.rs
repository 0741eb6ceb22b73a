//! Links, and how a request names one.

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

/// The link's id in the customer's own system: 1–255 characters, unique in the workspace. A leading `ext_`, with
/// which a query marks such an id, is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// The text.
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

/// The key of a link wherever it may live, or on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRef {
    /// The key without regard to case.
    pub(crate) key_folded: String,
    /// The host; a program may have several domains on it.
    pub(crate) host: Option<String>,
}

/// How a request names a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkRef {
    /// By id.
    Id(LinkId),
    /// By the id in the customer's own system.
    External(ExternalId),
    /// By key. Of several links the one on the program's default domain counts, then the oldest.
    Key(KeyRef),
}

impl LinkRef {
    /// By key.
    #[must_use]
    pub fn key(key: &str, host: Option<&str>) -> Self {
        Self::Key(KeyRef { key_folded: key::fold(key), host: host.map(str::to_ascii_lowercase) })
    }
}

impl FromStr for LinkRef {
    type Err = InvalidId;

    /// A `link_…` id, or `ext_` and the id in the customer's own system.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // No stored text has one, and PostgreSQL takes none.
        if text.contains('\0') {
            return Err(InvalidId);
        }
        if text.starts_with("ext_") {
            return ExternalId::from_text(text).map(Self::External).map_err(|_| InvalidId);
        }
        text.parse().map(Self::Id)
    }
}

/// Whose a link is. A partner has at most one enrollment in a program, so that these three name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkOwner {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The program.
    pub program_id: ProgramId,
    /// The partner.
    pub partner_id: PartnerId,
}

impl LinkOwner {
    /// Returns the program in which the partner is enrolled.
    #[must_use]
    pub fn scope(&self) -> ProgramScope {
        ProgramScope { workspace_id: self.workspace_id, program_id: self.program_id }
    }
}

/// A link to be made.
#[derive(Debug, Clone)]
pub(crate) struct NewLink {
    /// Its id.
    pub id: LinkId,
    /// Its key.
    pub key: LinkKey,
    /// Where it leads.
    pub url: String,
    /// The default link of the group that it was made for.
    pub default_link_id: Option<GroupDefaultLinkId>,
    /// Its id in the customer's system.
    pub external_id: Option<ExternalId>,
}

/// A link, whole, as it is stored, with the domain that it lives on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) owner: LinkOwner,
    pub(crate) tenant_id: Option<String>,
    pub(crate) domain_id: DomainId,
    pub(crate) host: String,
    pub(crate) url_prefix: String,
    /// Whether that domain is offered beside the program's own.
    pub(crate) is_additional: bool,
    pub(crate) key: String,
    pub(crate) url: String,
    pub(crate) external_id: Option<String>,
    /// Whether it was made for a default link that the partner's group still has.
    pub(crate) is_default: bool,
    pub(crate) settings: LinkSettings,
    /// By name.
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
    /// Whether a request that says this means it.
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
    /// The destination.
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
    /// Visits.
    pub clicks: i64,
    /// Sign-ups.
    pub leads: i64,
    /// Sign-ups that became customers.
    pub conversions: i64,
    /// Payments, recurring ones included.
    pub sales: i64,
    /// In cents.
    pub sale_amount: i64,
}

/// A link as it is stored, with the domain that it lives on.
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
