//! `POST /tokens/embed/referrals`, the routes that revoke and verify its tokens, and the published keys.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use hyper::header::CACHE_CONTROL;

use super::claims::Claims;
use super::keyring::Keyring;
use super::mint::TokenIssuer;
use super::request::{ReferralsEmbedTokenRequest, RevokeRequest, VerifyRequest};
use super::response::{Jwks, ReferralsEmbedToken, RevokedTokens};
use super::service::RevokeTokens;
use crate::access::{Caller, MintTokens};
use crate::enrollments::Enroller;
use crate::error::Result;
use crate::http::extract::Body;
use crate::http::response::{Created, Found};
use crate::partners::PartnerRef;
use crate::work::Executor;

/// `POST /tokens/embed/referrals`: finds or creates the enrollment that the request means, and mints a token for that
/// enrollment.
pub async fn create_referrals_embed_token(
    enroller: Enroller,
    State(issuer): State<TokenIssuer>,
    caller: Caller<MintTokens>,
    Body(request): Body<ReferralsEmbedTokenRequest>,
) -> Result<Created<ReferralsEmbedToken>> {
    let scope = caller.program(request.program).await?;
    let enrollment = enroller.enroll(&caller, request.into_enroll_request(scope)).await?;
    let token = issuer.mint(scope, &enrollment, enrollment.token_lifetime(), "/tokens/embed/referrals")?;
    Ok(Created(token.into()))
}

/// `POST /tokens/embed/referrals/revoke`: revokes all present tokens of a partner.
pub async fn revoke_referrals_embed_tokens(
    executor: Executor,
    caller: Caller<MintTokens>,
    Body(request): Body<RevokeRequest>,
) -> Result<Found<RevokedTokens>> {
    let partner = PartnerRef::named(request.partner)?;
    let scope = caller.program(request.program).await?;
    let partner_id = executor.run(&caller, RevokeTokens { scope, partner }).await?;
    Ok(Found(RevokedTokens { partner_id }))
}

/// `POST /tokens/embed/referrals/verify`: returns the claims of a token that is valid at this moment.
pub async fn verify_referrals_embed_token(
    executor: Executor,
    State(issuer): State<TokenIssuer>,
    caller: Caller<MintTokens>,
    Body(VerifyRequest { token }): Body<VerifyRequest>,
) -> Result<Found<Claims>> {
    issuer.verify(executor.db(), &caller, &token.0).await.map(Found)
}

/// `GET /.well-known/jwks.json`: returns the keys that verify tokens.
///
/// A verifier may cache the keys for a minute, half of the time from a key's creation to its first signature.
pub async fn get_jwks(executor: Executor, State(keyring): State<Arc<Keyring>>) -> impl IntoResponse {
    let keys = keyring.public_keys(executor.now());
    ([(CACHE_CONTROL, "public, max-age=60")], Found(Jwks { keys }))
}
