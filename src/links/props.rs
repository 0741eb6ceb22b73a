//! `linkProps`: what a request says about new links of a partner.

use super::key::KeyPrefix;
use super::model::ExternalId;
use super::settings::SettingChanges;
use crate::partners::TenantId;
use crate::validation::{Change, Fields, FromFields};

/// What a request says about a partner's links (`linkProps`).
#[derive(Debug, Clone, Default)]
pub struct LinkProps {
    /// The link's id in the customer's system.
    pub external_id: Change<ExternalId>,
    /// The partner's id in the customer's system, if it stands nowhere else in the request.
    pub tenant_id: Option<TenantId>,
    /// Where the keys live: `c/<key>`.
    pub prefix: Option<KeyPrefix>,
    /// What the links are to be like.
    pub settings: SettingChanges,
}

impl FromFields for LinkProps {
    /// In the order of the document, which is the order in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let external_id = fields.change("externalId");
        let tenant_id = fields.nullable("tenantId");
        let prefix = fields.optional("prefix");
        Some(Self { external_id, tenant_id, prefix, settings: SettingChanges::from_fields(fields) })
    }
}
