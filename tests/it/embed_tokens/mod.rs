//! Embed tokens.

mod admission;
mod affonso;
mod create_referrals_embed_token;
mod jwks;
mod token;
