//! Answers about embed tokens.

use serde::Serialize;

use super::key::PublicKey;
use super::mint::EmbedToken;
use crate::values::clock::Timestamp;
use crate::values::id::PartnerId;

/// The answer of `POST /tokens/embed/referrals`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferralsEmbedToken {
    public_token: String,
    expires: Timestamp,
}

impl From<EmbedToken> for ReferralsEmbedToken {
    fn from(EmbedToken { token, expires }: EmbedToken) -> Self {
        Self { public_token: token, expires }
    }
}

/// The answer of `POST /tokens/embed/referrals/revoke`: the partner whose tokens were revoked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevokedTokens {
    pub(super) partner_id: PartnerId,
}

/// A JSON Web Key Set.
#[derive(Serialize)]
pub(super) struct Jwks {
    pub(super) keys: Vec<PublicKey>,
}
