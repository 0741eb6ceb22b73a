//! Making a token.

use std::time::Duration;

use super::claims::{AUDIENCE, Claims};
use crate::enrollments::Enrolled;
use crate::error::Result;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;

/// A token and its end.
#[derive(Debug)]
pub struct EmbedToken {
    /// The compact JWS.
    pub token: String,
    /// When it stops working.
    pub expires: Timestamp,
}

/// A token for an enrollment that works this long; the route is what it is counted under.
///
/// # Errors
/// 500 when signing fails.
pub fn mint(
    app: &AppState,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    enrolled: &Enrolled,
    lifetime: Duration,
    route: &'static str,
) -> Result<EmbedToken> {
    let now = app.clock.now();
    let iat = now.unix_seconds();
    // The answer names the second in which the token ends, not the millisecond of its making.
    let expires = now.whole_seconds() + lifetime;
    let claims = Claims {
        iss: app.config.issuer.clone(),
        aud: AUDIENCE.to_owned(),
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
    let token = app.keyring.sign(now, &claims)?;
    app.metrics.minted(route, enrolled.is_new);
    Ok(EmbedToken { token, expires })
}
