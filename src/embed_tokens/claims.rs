//! The claims of embed tokens.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::values::id::{EnrollmentId, PartnerId, ProgramId, TokenId, WorkspaceId};

/// The `typ` of an embed token.
pub(super) const TOKEN_TYPE: &str = "pearset-embed+jwt";

/// The audience of referral tokens.
pub(super) const AUDIENCE: &str = "pearset:embed:referrals";

/// The claims of an embed token. A verifier compares `ver` with the token epoch of the enrollment `sub`: a lower `ver`
/// means that the token was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    #[serde(deserialize_with = "id")]
    pub(super) sub: EnrollmentId,
    #[serde(deserialize_with = "id")]
    pub(super) wid: WorkspaceId,
    #[serde(deserialize_with = "id")]
    pub(super) prg: ProgramId,
    #[serde(deserialize_with = "id")]
    pub(super) pid: PartnerId,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    #[serde(deserialize_with = "id")]
    pub(super) jti: TokenId,
    pub(super) ver: i32,
}

fn id<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
