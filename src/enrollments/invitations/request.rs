//! The request for an invitation.

use std::time::Duration;

use serde_json::Value;

use crate::enrollments::PartnerRequest;
use crate::links::LinkProps;
use crate::partners::Profile;
use crate::programs::ProgramRef;
use crate::validation::{Fields, FromFields, FromJson, Scope, range};

/// The lifetime of an invitation in days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days(u64);

impl Days {
    const MIN: i64 = 1;
    const MAX: i64 = 365;
    const DEFAULT: Self = Self(14);

    pub(super) fn duration(self) -> Duration {
        Duration::from_hours(24 * self.0)
    }
}

impl FromJson for Days {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Some(days) = value.as_i64() else {
            scope.wrong_type("an integer");
            return None;
        };
        scope.accept(range(days, Self::MIN..=Self::MAX))?;
        u64::try_from(days).ok().map(Self)
    }
}

/// The body of `POST /partners/invites`.
pub struct InvitePartnerRequest {
    pub(super) partner: PartnerRequest,
    pub(super) days: Days,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for InvitePartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email");
        let name = fields.nullable("name");
        let group = fields.nullable("groupId");
        let tenant_id = fields.nullable("tenantId");
        let days = fields.optional("expiresInDays").unwrap_or(Days::DEFAULT);
        let program = fields.optional("programId");
        let profile = Profile { name, email: email?, username: None, image: None, country: None, description: None };
        let partner = PartnerRequest { profile, tenant_id, group, metadata: None, link_props: LinkProps::default() };
        Some(Self { partner, days, program })
    }
}
