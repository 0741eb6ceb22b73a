//! `POST /tokens/embed/referrals`, what becomes of its tokens, and the published keys.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use axum::response::IntoResponse;
use hyper::header::CACHE_CONTROL;
use serde::Serialize;
use serde_json::Value;
use validator::{Validate, ValidationError};

use super::claims::Claims;
use super::key::PublicKey;
use super::mint;
use super::revoke::revoke;
use super::verify::verify;
use crate::access::{Caller, MintTokens};
use crate::enrollments::{Asked, Identity, Origin, PartnerRequest, enroll};
use crate::error::Result;
use crate::http::extract::Body;
use crate::http::response::{Created, Found};
use crate::partners::{PartnerRef, TenantId};
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Bounded, Field, Fields, FromFields, FromJson, ProblemCode, Rules, Scope, broken_rule};
use crate::values::clock::Timestamp;
use crate::values::id::PartnerId;

/// A request for a token: any of the three names a partner, `partner` can also enroll one.
#[derive(Validate)]
#[validate(schema(function = names_partner))]
pub struct ReferralsEmbedTokenRequest {
    partner_id: Option<Bounded<0, { usize::MAX }>>,
    tenant_id: Option<TenantId>,
    partner: Option<Box<PartnerRequest>>,
    program: Option<ProgramRef>,
}

impl Rules for ReferralsEmbedTokenRequest {
    const FIELDS: &'static [Field] =
        &[Field::new("partnerId"), Field::new("tenantId"), Field::new("partner"), Field::new("programId")];
}

fn names_partner(request: &ReferralsEmbedTokenRequest) -> std::result::Result<(), ValidationError> {
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

/// The token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferralsEmbedToken {
    public_token: String,
    expires: Timestamp,
}

/// `POST /tokens/embed/referrals`: the enrollment that the request means, made if there is none, and a token for it.
pub async fn create_referrals_embed_token(
    App(app): App,
    caller: Caller<MintTokens>,
    Body(request): Body<ReferralsEmbedTokenRequest>,
) -> Result<Created<ReferralsEmbedToken>> {
    let scope = caller.program(request.program).await?;
    let partner = request.partner.as_deref();
    let tenant_id = request.tenant_id.as_ref().or(partner.and_then(PartnerRequest::any_tenant_id));
    let identity = Identity {
        names_partner: request.partner_id.is_some(),
        partner_id: request.partner_id.and_then(|id| id.as_str().parse().ok()),
        tenant_id: tenant_id.map(|id| id.as_str().to_owned()),
        email_normalized: partner.map(|partner| partner.profile.email.normalized().to_owned()),
    };
    let api_key_id = Some(caller.api_key_id);
    let asked = Asked { scope, origin: Origin::Token, api_key_id, identity, partner: request.partner };
    let enrolled = enroll(&app, asked).await?;
    let route = "/tokens/embed/referrals";
    let minted = mint(&app, scope, &enrolled, enrolled.token_lifetime(), route)?;
    Ok(Created(ReferralsEmbedToken { public_token: minted.token, expires: minted.expires }))
}

/// A partner whose tokens are to end.
pub struct RevokeRequest {
    partner: Option<PartnerRef>,
    program: Option<ProgramRef>,
}

impl FromFields for RevokeRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { partner, program })
    }
}

/// Whose tokens have ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revoked {
    partner_id: PartnerId,
}

/// `POST /tokens/embed/referrals/revoke`: ends all tokens that the partner has now.
pub async fn revoke_referrals_embed_tokens(
    App(app): App,
    caller: Caller<MintTokens>,
    Body(request): Body<RevokeRequest>,
) -> Result<Found<Revoked>> {
    let partner = Arc::new(PartnerRef::named(request.partner)?);
    let scope = caller.program(request.program).await?;
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    let partner_id = app
        .db
        .tenant(scope.workspace_id)
        .run("revoke_tokens", move |conn, _| {
            let (ids, partner) = (Arc::clone(&ids), Arc::clone(&partner));
            Box::pin(async move { revoke(conn, &ids, now, scope, api_key_id, &partner).await })
        })
        .await?;
    Ok(Found(Revoked { partner_id }))
}

/// A token to be verified.
pub struct VerifyRequest {
    token: AnyText,
}

/// A string without any rule: a token that is not well-formed is a bad token, not a bad request.
struct AnyText(String);

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

/// `POST /tokens/embed/referrals/verify`: the claims of a token that is good at this moment.
pub async fn verify_referrals_embed_token(
    App(app): App,
    caller: Caller<MintTokens>,
    Body(VerifyRequest { token }): Body<VerifyRequest>,
) -> Result<Found<Claims>> {
    verify(&app, &caller, &token.0).await.map(Found)
}

/// A JSON Web Key Set.
#[derive(Serialize)]
pub struct Jwks {
    keys: Vec<PublicKey>,
}

/// `GET /.well-known/jwks.json`: the keys that tokens are verified with.
///
/// A verifier may keep them for a minute, half of the time from a key's making to its first signature.
pub async fn get_jwks(App(app): App) -> impl IntoResponse {
    let keys = app.keyring.public_keys(app.clock.now());
    ([(CACHE_CONTROL, "public, max-age=60")], Found(Jwks { keys }))
}
