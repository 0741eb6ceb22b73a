//! `POST /embed/token`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::time::Duration;

use axum::extract::State;

use super::request::EmbedTokenRequest;
use super::response::EmbedTokenAnswer;
use crate::access::{Caller, MintTokens};
use crate::embed_tokens::{EnrollmentPlaces, TokenIssuer};
use crate::enrollments::{EnrollRequest, Enroller, Origin};
use crate::error::Result;
use crate::http::extract::Body;
use crate::http::response::Created;

/// The lifetime of these tokens, whatever the program says.
const LIFETIME: Duration = Duration::from_mins(30);

/// `POST /embed/token`: finds or creates the enrollment that the request means, and mints a token for that enrollment,
/// which revokes all earlier tokens.
pub async fn create_embed_token(
    enroller: Enroller,
    State(issuer): State<TokenIssuer>,
    caller: Caller<MintTokens>,
    Body(EmbedTokenRequest { program, partner }): Body<EmbedTokenRequest>,
) -> Result<Created<EmbedTokenAnswer>> {
    let scope = caller.program(Some(program)).await?;
    let request = EnrollRequest::for_partner(scope, Origin::TrustedToken, partner);
    let view: EnrollmentPlaces = enroller.enroll_and_read(&caller, request).await?;
    let token = issuer.mint(scope, &view.enrolled, LIFETIME, "/embed/token")?;
    Ok(Created(EmbedTokenAnswer::new(token, view)))
}
