//! `linkProps`: the properties that a request gives to new links of a partner.

use super::key::KeyPrefix;
use super::model::ExternalId;
use super::settings::SettingChanges;
use crate::partners::TenantId;
use crate::validation::{Change, Fields, FromFields};

/// The `linkProps` of a request.
#[derive(Debug, Clone, Default)]
pub struct LinkProps {
    /// The link's id in the customer's system.
    pub external_id: Change<ExternalId>,
    /// The partner's id in the customer's system, unless the request names the id elsewhere.
    pub tenant_id: Option<TenantId>,
    /// The path before the keys: `c/<key>`.
    pub prefix: Option<KeyPrefix>,
    /// The other properties of the links.
    pub settings: SettingChanges,
}

impl FromFields for LinkProps {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let external_id = fields.change("externalId");
        let tenant_id = fields.nullable("tenantId");
        let prefix = fields.optional("prefix");
        Some(Self { external_id, tenant_id, prefix, settings: SettingChanges::from_fields(fields) })
    }
}
