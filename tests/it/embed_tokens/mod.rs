//! Embed tokens.

mod create_referrals_embed_token;
mod jwks;
