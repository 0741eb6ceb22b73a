//! `POST /tokens/embed/referrals` and the published keys.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use axum::extract::State;
use axum::response::IntoResponse;
use hyper::header::CACHE_CONTROL;
use serde::Serialize;

use super::keyring::PublicKey;
use super::mint;
use crate::clock::Timestamp;
use crate::enrollments::{Identity, Origin, PartnerRequest, enroll};
use crate::error::Result;
use crate::http::extract::{Body, Caller, MintTokens};
use crate::http::response::{Created, Found};
use crate::partners::TenantId;
use crate::programs::ProgramRef;
use crate::state::AppState;
use crate::validation::{Bounded, Fields, FromFields, Invalid, ProblemCode};

/// A request for a token: any of the three names a partner, `partner` can also enroll one.
pub struct ReferralsEmbedTokenRequest {
    partner_id: Option<Bounded<0, { usize::MAX }>>,
    tenant_id: Option<TenantId>,
    partner: Option<PartnerRequest>,
    program: Option<ProgramRef>,
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

/// The token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferralsEmbedToken {
    public_token: String,
    expires: Timestamp,
}

/// `POST /tokens/embed/referrals`: the enrollment that the request means, made if there is none, and a token for it.
pub async fn create_referrals_embed_token(
    State(app): State<AppState>,
    caller: Caller<MintTokens>,
    Body(request): Body<ReferralsEmbedTokenRequest>,
) -> Result<Created<ReferralsEmbedToken>> {
    let program = caller.program(&app, request.program).await?;
    let partner = request.partner.as_ref();
    let tenant_id = request.tenant_id.as_ref().or(partner.and_then(PartnerRequest::any_tenant_id));
    let identity = Identity {
        names_partner: request.partner_id.is_some(),
        partner_id: request.partner_id.and_then(|id| id.as_str().parse().ok()),
        tenant_id: tenant_id.map(|id| id.as_str().to_owned()),
        email_normalized: partner.map(|partner| partner.profile.email.normalized().to_owned()),
    };
    let enrolled = enroll(&app, program, Origin::Token, identity, request.partner).await?;
    let minted = mint(&app, program, &enrolled, enrolled.token_lifetime())?;
    Ok(Created(ReferralsEmbedToken { public_token: minted.token, expires: minted.expires }))
}

/// A JSON Web Key Set.
#[derive(Serialize)]
pub struct Jwks {
    keys: Vec<PublicKey>,
}

/// `GET /.well-known/jwks.json`: the keys that tokens are verified with.
///
/// A verifier may keep them for a minute, half of the time from a key's making to its first signature.
pub async fn get_jwks(State(app): State<AppState>) -> impl IntoResponse {
    let keys = app.keyring.public_keys(app.clock.now());
    ([(CACHE_CONTROL, "public, max-age=60")], Found(Jwks { keys }))
}
