//! What a token says.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::enrollments::Enrolled;
use crate::error::Result;
use crate::id::{EnrollmentId, PartnerId, ProgramId, TokenId, WorkspaceId};
use crate::state::AppState;

/// Who a referral token is for.
const AUDIENCE: &str = "pearset:embed:referrals";

/// The claims. Whoever takes a token compares `ver` with the epoch of the enrollment `sub`, and so notices that the
/// token was revoked.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    sub: EnrollmentId,
    wid: WorkspaceId,
    prg: ProgramId,
    pid: PartnerId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: TokenId,
    ver: i32,
}

/// A token and its end.
#[derive(Debug)]
pub struct EmbedToken {
    /// The compact JWS.
    pub token: String,
    /// When it stops working.
    pub expires: Timestamp,
}

/// A token for an enrollment.
///
/// # Errors
/// 500 when signing fails.
pub fn mint(
    app: &AppState,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    enrolled: &Enrolled,
) -> Result<EmbedToken> {
    let now = app.clock.now();
    let lifetime = Duration::from_secs(enrolled.token_lifetime_seconds.unsigned_abs().into());
    let iat = now.unix_seconds();
    // The answer names the second in which the token ends, not the millisecond of its making.
    let expires = now.whole_seconds() + lifetime;
    let claims = Claims {
        iss: &app.config.issuer,
        aud: AUDIENCE,
        sub: enrolled.enrollment_id,
        wid: workspace_id,
        prg: program_id,
        pid: enrolled.partner_id,
        iat,
        nbf: iat,
        exp: expires.unix_seconds(),
        jti: app.ids.next(now),
        ver: enrolled.token_epoch,
    };
    Ok(EmbedToken { token: app.keyring.sign(now, &claims)?, expires })
}
