//! Minting of embed tokens.

use std::sync::Arc;
use std::time::Duration;

use super::claims::{AUDIENCE, Claims};
use super::keyring::Keyring;
use crate::enrollments::Enrolled;
use crate::error::Result;
use crate::http::extract::PublicUrl;
use crate::telemetry::Metrics;
use crate::values::ProgramScope;
use crate::values::clock::{Clock, Timestamp};
use crate::values::id::Ids;

/// An embed token and its end.
#[derive(Debug)]
pub struct EmbedToken {
    /// The compact JWS.
    pub token: String,
    /// The end of the token's validity.
    pub expires: Timestamp,
}

/// Mints and verifies embed tokens. Cheap to clone.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Parts>);

struct Parts {
    keyring: Arc<Keyring>,
    /// The issuer that tokens name (`iss`).
    issuer: PublicUrl,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    metrics: Arc<Metrics>,
}

impl TokenIssuer {
    /// Binds the parts together. Tokens name the public URL as their issuer.
    #[must_use]
    pub fn new(
        keyring: Arc<Keyring>,
        issuer: PublicUrl,
        clock: Arc<dyn Clock>,
        ids: Arc<Ids>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Parts { keyring, issuer, clock, ids, metrics }))
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(super) fn issuer(&self) -> &str {
        self.0.issuer.as_str()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Mints a token for an enrollment. The metrics count the token under `route`.
    ///
    /// # Errors
    /// 500 when signing fails.
    pub fn mint(
        &self,
        scope: ProgramScope,
        enrolled: &Enrolled,
        lifetime: Duration,
        route: &'static str,
    ) -> Result<EmbedToken> {
        let now = self.now();
        let iat = now.unix_seconds();
        // The answer names the second in which the token expires, not the millisecond in which it was minted.
        let expires = now.whole_seconds() + lifetime;
        let claims = Claims {
            iss: self.issuer().to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: enrolled.enrollment_id,
            wid: scope.workspace_id,
            prg: scope.program_id,
            pid: enrolled.partner_id,
            iat,
            nbf: iat,
            exp: expires.unix_seconds(),
            jti: self.0.ids.next(now),
            ver: enrolled.token_epoch,
        };
        let token = self.keyring().sign(now, &claims)?;
        self.0.metrics.minted(route, enrolled.is_new);
        Ok(EmbedToken { token, expires })
    }
}
