//! Embed tokens.

mod admission;
mod create_referrals_embed_token;
mod jwks;
mod token;
