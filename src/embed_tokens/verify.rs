//! Verification of embed tokens: the form, the signature, the claims, and last the present state of the enrollment.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::claims::{AUDIENCE, Claims, TOKEN_TYPE};
use super::mint::TokenIssuer;
use super::store;
use crate::access::{Caller, Permission};
use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::programs::ProgramRef;
use crate::values::ProgramScope;

/// The longest token, in bytes.
const MAX_LENGTH: usize = 2048;
/// The number of seconds by which the clock of the signing server may be ahead of the clock of this server.
const LEEWAY_SECONDS: i64 = 5;

/// Returns the one error for every invalid token: the exact reason would only help an attacker.
fn invalid() -> Error {
    Error::unauthorized("Invalid embed token.")
}

impl TokenIssuer {
    /// Returns the claims of a token that is valid for this caller: a token of the caller's workspace, in a program that
    /// the caller's key may use.
    ///
    /// # Errors
    /// 401 for every other token, 503 when the database is unavailable.
    pub(super) async fn verify<P: Permission>(&self, db: &Db, caller: &Caller<P>, token: &str) -> Result<Claims> {
        let token = UnverifiedToken::parse(token).ok_or_else(invalid)?;
        let now = self.now();
        let key = self.keyring().find(db, now, &token.header.kid).await?.ok_or_else(invalid)?;
        if !key.has_signed(&token.header.alg, token.message.as_bytes(), &token.signature) {
            return Err(invalid());
        }
        let claims: Claims = serde_json::from_slice(&token.payload).map_err(|_| invalid())?;
        let now = now.unix_seconds();
        let is_ours = claims.iss == self.issuer() && claims.aud == AUDIENCE;
        let is_in_time = claims.exp > now && claims.nbf <= now + LEEWAY_SECONDS;
        if !is_ours || !is_in_time || claims.wid != caller.workspace_id {
            return Err(invalid());
        }
        let program = caller.program(Some(ProgramRef(Some(claims.prg)))).await;
        let ProgramScope { workspace_id, program_id } = program.map_err(|error| match error.code() {
            Code::NotFound => invalid(),
            _ => error,
        })?;
        let (enrollment_id, partner_id) = (claims.sub, claims.pid);
        let subject = db
            .tenant(workspace_id)
            .call("find_subject", move |conn, workspace_id| {
                Box::pin(store::find_subject(conn, workspace_id, program_id, enrollment_id, partner_id))
            })
            .await?
            .ok_or_else(invalid)?;
        if !subject.status.keeps_tokens() || subject.token_epoch != claims.ver {
            return Err(invalid());
        }
        Ok(claims)
    }
}

/// The parts of a token that is not verified yet.
struct UnverifiedToken<'a> {
    header: Header,
    /// The signed part of the token.
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The header of every token that Pearset mints. A header with any other member is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

impl<'a> UnverifiedToken<'a> {
    fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.typ != TOKEN_TYPE {
            return None;
        }
        let (payload, signature) = (URL_SAFE_NO_PAD.decode(payload).ok()?, URL_SAFE_NO_PAD.decode(signature).ok()?);
        Some(Self { header, message, payload, signature })
    }
}
