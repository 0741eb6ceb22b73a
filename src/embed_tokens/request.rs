//! Requests about embed tokens.

use std::sync::Arc;

use serde_json::Value;
use validator::{Validate, ValidationError};

use crate::enrollments::{EnrollRequest, Identity, Origin, PartnerRequest};
use crate::partners::{PartnerRef, TenantId};
use crate::programs::ProgramRef;
use crate::validation::{Field, Fields, FreeText, FromFields, FromJson, ProblemCode, Rules, Scope, broken_rule};
use crate::values::ProgramScope;

/// The body of `POST /tokens/embed/referrals`. Each of the three members names a partner; `partner` can also enroll
/// one.
#[derive(Validate)]
#[validate(schema(function = names_partner))]
pub struct ReferralsEmbedTokenRequest {
    partner_id: Option<FreeText>,
    tenant_id: Option<TenantId>,
    partner: Option<Box<PartnerRequest>>,
    pub(super) program: Option<ProgramRef>,
}

impl Rules for ReferralsEmbedTokenRequest {
    const FIELDS: &'static [Field] =
        &[Field::new("partnerId"), Field::new("tenantId"), Field::new("partner"), Field::new("programId")];
}

fn names_partner(request: &ReferralsEmbedTokenRequest) -> Result<(), ValidationError> {
    if request.partner_id.is_none() && request.tenant_id.is_none() && request.partner.is_none() {
        let text = "You must provide either partnerId, tenantId, or partner.";
        return Err(broken_rule(ProblemCode::Custom, "", &["partnerId", "tenantId", "partner"], text));
    }
    Ok(())
}

impl FromFields for ReferralsEmbedTokenRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner_id = fields.optional("partnerId");
        let tenant_id = fields.optional("tenantId");
        let partner = fields.object("partner");
        let program = fields.optional("programId");
        let request = Self { partner_id, tenant_id, partner, program };
        fields.check(&request)?;
        Some(request)
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
