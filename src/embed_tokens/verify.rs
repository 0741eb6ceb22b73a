//! Whether a token is good: its form, its signature, its claims, and last what has become of the enrollment that it is
//! for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::claims::{AUDIENCE, Claims, TOKEN_TYPE};
use super::store;
use crate::access::{Caller, Permission};
use crate::error::{Code, Error, Result};
use crate::programs::ProgramRef;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;

/// In bytes.
const MAX_LENGTH: usize = 2048;
/// By how many seconds the clock of the server that signed may be ahead of this one's.
const LEEWAY: i64 = 5;

/// One message for every token that is not good: which of the reasons it is helps only who guesses.
fn invalid() -> Error {
    Error::unauthorized("Invalid embed token.")
}

/// The claims of a token that is good for this caller: of its workspace, and of a program that its key may use.
///
/// # Errors
/// 401 for every other token, 503 when the database is away.
pub(super) async fn verify<P: Permission>(app: &AppState, caller: &Caller<P>, token: &str) -> Result<Claims> {
    let token = Parts::of(token).ok_or_else(invalid)?;
    let now = app.clock.now();
    let key = app.keyring.find(&app.db, now, &token.header.kid).await?.ok_or_else(invalid)?;
    if !key.has_signed(&token.header.alg, token.message.as_bytes(), &token.signature) {
        return Err(invalid());
    }
    let claims: Claims = serde_json::from_slice(&token.payload).map_err(|_| invalid())?;
    let now = now.unix_seconds();
    let is_ours = claims.iss == app.config.issuer && claims.aud == AUDIENCE;
    if !is_ours || claims.exp <= now || claims.nbf > now + LEEWAY || claims.wid != caller.workspace_id {
        return Err(invalid());
    }
    let program = caller.program(Some(ProgramRef(Some(claims.prg)))).await;
    let ProgramScope { workspace_id, program_id } = program.map_err(|error| match error.code() {
        Code::NotFound => invalid(),
        _ => error,
    })?;
    let (enrollment_id, partner_id) = (claims.sub, claims.pid);
    let subject = app
        .db
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

/// A token taken apart; nothing is known of its truth.
struct Parts<'a> {
    header: Header,
    /// What is signed.
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The members that every token of ours has, and no other: whatever else a header can ask for is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Option<Self> {
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
