//! Embed tokens: minting them, and the keys that sign them.

pub mod affonso;
mod claims;
mod keyring;
mod mint;
pub mod routes;
mod signer;
mod store;

pub use keyring::{Keyring, PublicKey, SigningKeySource, keep_fresh};
pub use mint::{EmbedToken, mint};
pub use store::{SigningKeySummary, list_signing_keys};
