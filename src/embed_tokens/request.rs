//! Requests about embed tokens.

use std::sync::Arc;

use serde_json::Value;

use crate::enrollments::{EnrollRequest, Identity, Origin, PartnerRequest};
use crate::partners::{PartnerRef, TenantId};
use crate::programs::ProgramRef;
use crate::validation::{Bounded, Fields, FromFields, FromJson, Invalid, ProblemCode, Scope};
use crate::values::ProgramScope;

/// The body of `POST /tokens/embed/referrals`. Each of the three members names a partner; `partner` can also enroll
/// one.
pub struct ReferralsEmbedTokenRequest {
    partner_id: Option<Bounded<0, { usize::MAX }>>,
    tenant_id: Option<TenantId>,
    partner: Option<Box<PartnerRequest>>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ReferralsEmbedTokenRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner_id = fields.optional("partnerId");
        let tenant_id = fields.optional("tenantId");
        let partner = fields.object("partner");
        let program = fields.optional("programId");
        if !["partnerId", "tenantId", "partner"].into_iter().any(|name| fields.has(name)) {
            let text = "You must provide either partnerId, tenantId, or partner.";
            fields.fail_here(Invalid::new(ProblemCode::Custom, text));
        }
        Some(Self { partner_id, tenant_id, partner, program })
    }
}

impl ReferralsEmbedTokenRequest {
    /// Returns the enrollment request that the token request implies.
    pub(super) fn into_enroll_request(self, scope: ProgramScope) -> EnrollRequest {
        let partner = self.partner.as_deref();
        let tenant_id = self.tenant_id.as_ref().or(partner.and_then(PartnerRequest::any_tenant_id));
        let identity = Identity {
            names_partner: self.partner_id.is_some(),
            partner_id: self.partner_id.as_ref().and_then(|id| id.as_str().parse().ok()),
            tenant_id: tenant_id.map(|id| id.as_str().to_owned()),
            email_normalized: partner.map(|partner| partner.profile.email.normalized().to_owned()),
        };
        EnrollRequest { scope, origin: Origin::Token, identity: Arc::new(identity), partner: self.partner }
    }
}

/// The body of `POST /tokens/embed/referrals/revoke`.
pub struct RevokeRequest {
    pub(super) partner: Option<PartnerRef>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for RevokeRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { partner, program })
    }
}

/// The body of `POST /tokens/embed/referrals/verify`.
pub struct VerifyRequest {
    pub(super) token: AnyText,
}

/// A string without any rule: a token that is not well-formed is an invalid token, not an invalid request.
pub(super) struct AnyText(pub(super) String);

impl FromJson for AnyText {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let text = value.as_str().map(|text| Self(text.to_owned()));
        if text.is_none() {
            scope.wrong_type("a string");
        }
        text
    }
}

impl FromFields for VerifyRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { token: fields.required("token")? })
    }
}
