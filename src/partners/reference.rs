//! How a request names a partner who is enrolled.

use super::model::TenantId;
use crate::error::{Error, Result};
use crate::validation::{Bounded, Fields};
use crate::values::id::PartnerId;

/// A partner by one of the two ids that the routes take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartnerRef {
    /// By id; `None` for a text that is no id: to the caller that is one that does not exist.
    Id(Option<PartnerId>),
    /// By the id in the customer's own system.
    Tenant(TenantId),
}

impl PartnerRef {
    /// Reads `partnerId` and `tenantId`, either of which may be absent or null. Of two, the first counts. `None` when
    /// the request names nobody: see [`PartnerRef::named`].
    pub fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner_id = fields.nullable::<Bounded<0, { usize::MAX }>>("partnerId");
        let tenant_id = fields.nullable("tenantId");
        partner_id.map(|id| Self::Id(id.as_str().parse().ok())).or(tenant_id.map(Self::Tenant))
    }

    /// The partner that a request names.
    ///
    /// # Errors
    /// 400 when it names none.
    pub fn named(reference: Option<Self>) -> Result<Self> {
        reference.ok_or_else(|| Error::bad_request("You must provide either partnerId or tenantId."))
    }

    /// The id of the partner, if it is named by it and it is one. A statement asks for
    /// `(partner_id = $id OR tenant_id = $tenant)`, and a null finds nothing.
    #[must_use]
    pub fn partner_id(&self) -> Option<PartnerId> {
        match self {
            Self::Id(id) => *id,
            Self::Tenant(_) => None,
        }
    }

    /// The tenant id, if the partner is named by it.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Tenant(id) => Some(id.as_str()),
        }
    }
}
