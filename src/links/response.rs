//! The response form of a link: `Link` in openapi.yaml.

use serde::Serialize;

use super::model::Link;
use super::settings::ShownSettings;
use crate::domains::short_link;
use crate::tags::Tag;
use crate::values::clock::Timestamp;
use crate::values::id::{LinkId, PartnerId, ProgramId, TagId, WorkspaceId};

/// A link in a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkResponse {
    id: LinkId,
    domain: String,
    key: String,
    url: String,
    short_link: String,
    external_id: Option<String>,
    tenant_id: Option<String>,
    program_id: ProgramId,
    partner_id: PartnerId,
    #[serde(flatten)]
    settings: ShownSettings,
    disabled_at: Option<Timestamp>,
    clicks: i64,
    leads: i64,
    conversions: i64,
    sales: i64,
    sale_amount: i64,
    last_clicked: Option<Timestamp>,
    tag_id: Option<TagId>,
    tags: Vec<Tag>,
    workspace_id: WorkspaceId,
    project_id: WorkspaceId,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    unknown: UnknownMembers,
}

/// The members of the wire format that Pearset has no values for.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnknownMembers {
    folder_id: (),
    user_id: (),
    identifier: (),
    /// Only a hash of the password is stored.
    password: (),
    webhook_ids: [(); 0],
    /// The clients insist on a string.
    qr_code: &'static str,
}

impl From<Link> for LinkResponse {
    fn from(link: Link) -> Self {
        Self {
            short_link: short_link(&link.url_prefix, &link.key),
            id: link.id,
            domain: link.host,
            key: link.key,
            url: link.url,
            external_id: link.external_id,
            tenant_id: link.tenant_id,
            program_id: link.owner.program_id,
            partner_id: link.owner.partner_id,
            settings: ShownSettings(link.settings),
            disabled_at: link.disabled_at,
            clicks: link.clicks,
            leads: link.leads,
            conversions: link.conversions,
            sales: link.sales,
            sale_amount: link.sale_amount,
            last_clicked: link.last_clicked,
            tag_id: link.tags.first().map(|tag| tag.id),
            tags: link.tags,
            workspace_id: link.owner.workspace_id,
            project_id: link.owner.workspace_id,
            created_at: link.created_at,
            updated_at: link.updated_at,
            unknown: UnknownMembers::default(),
        }
    }
}
