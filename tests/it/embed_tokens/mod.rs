//! Embed tokens.

mod admission;
mod affonso;
mod create_referrals_embed_token;
mod ends;
mod forged_tokens;
mod forger;
mod jwks;
mod token;
mod two_servers;
