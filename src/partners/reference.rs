//! References to enrolled partners in a request.

use super::model::TenantId;
use crate::error::{Error, Result};
use crate::validation::{Fields, FreeText};
use crate::values::id::PartnerId;

/// A reference to a partner, by one of two ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartnerRef {
    /// The partner's own id; `None` for an invalid id, which names a partner that does not exist.
    Id(Option<PartnerId>),
    /// The id in the customer's own system.
    Tenant(TenantId),
}

impl PartnerRef {
    /// Reads `partnerId` and `tenantId`, each of which can be absent or null. If a request has both, `partnerId`
    /// counts. Returns `None` when the request has neither: see [`PartnerRef::named`].
    pub fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner_id = fields.nullable::<FreeText>("partnerId");
        let tenant_id = fields.nullable("tenantId");
        partner_id.map(|id| Self::Id(id.as_str().parse().ok())).or(tenant_id.map(Self::Tenant))
    }

    /// Requires that a request names a partner.
    ///
    /// # Errors
    /// 400 when the request names none.
    pub fn named(reference: Option<Self>) -> Result<Self> {
        reference.ok_or_else(|| Error::bad_request("You must provide either partnerId or tenantId."))
    }

    /// Returns the partner's own id, if the request names the partner by a valid id. Statements compare
    /// `(partner_id = $id OR tenant_id = $tenant)`, in which a null matches nothing.
    #[must_use]
    pub fn partner_id(&self) -> Option<PartnerId> {
        match self {
            Self::Id(id) => *id,
            Self::Tenant(_) => None,
        }
    }

    /// Returns the tenant id, if the request names the partner by tenant id.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Tenant(id) => Some(id.as_str()),
        }
    }
}
