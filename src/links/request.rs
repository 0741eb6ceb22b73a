//! Requests about links.

use super::key::KeyPrefix;
use super::model::{ExternalId, LinkChanges, LinkRef};
use super::settings::SettingChanges;
use crate::partners::TenantId;
use crate::programs::ProgramRef;
use crate::validation::{Change, Fields, FreeText, FromFields};
use crate::values::id::InvalidId;

/// The query of `GET /links/info`.
pub(crate) struct LinkInfoQuery {
    /// The link. An invalid id names a link that does not exist.
    pub(super) link: Option<Result<LinkRef, InvalidId>>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for LinkInfoQuery {
    /// Reads the fields. The first that is present counts: `linkId`, `externalId`, then `domain` and `key`.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional::<FreeText>("linkId").map(|id| id.as_str().parse());
        let external_id = fields.optional::<ExternalId>("externalId").map(|id| Ok(LinkRef::External(id)));
        let domain = fields.optional::<FreeText>("domain");
        let key = fields.optional::<FreeText>("key");
        let by_key = domain.zip(key).map(|(domain, key)| Ok(LinkRef::key(key.as_str(), Some(domain.as_str()))));
        Some(Self { link: id.or(external_id).or(by_key), program: fields.optional("programId") })
    }
}

/// The body of `PATCH /links/{id}`.
pub(crate) struct UpdateLinkRequest {
    pub(super) changes: LinkChanges,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for UpdateLinkRequest {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.optional("url");
        let host = fields.optional::<FreeText>("domain").map(|domain| domain.as_str().to_ascii_lowercase());
        let key = fields.optional("key");
        let external_id = fields.change("externalId");
        let settings = SettingChanges::from_update(fields);
        let program = fields.nullable("programId");
        Some(Self { changes: LinkChanges { url, domain_id: None, host, key, external_id, settings }, program })
    }
}

/// The `linkProps` of a request: the properties of new links of a partner.
#[derive(Debug, Clone, Default)]
pub struct LinkProps {
    /// The link's id in the customer's system.
    pub(super) external_id: Change<ExternalId>,
    /// The partner's id in the customer's system, unless the request names the id elsewhere.
    pub(crate) tenant_id: Option<TenantId>,
    /// The path before the keys: `c/<key>`.
    pub(crate) prefix: Option<KeyPrefix>,
    /// The other properties of the links.
    pub(crate) settings: SettingChanges,
}

impl FromFields for LinkProps {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let external_id = fields.change("externalId");
        let tenant_id = fields.nullable("tenantId");
        let prefix = fields.optional("prefix");
        Some(Self { external_id, tenant_id, prefix, settings: SettingChanges::from_link_props(fields) })
    }
}
