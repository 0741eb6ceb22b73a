//! Embed tokens: minting, verifying and ending them, and the keys that sign them.

mod claims;
mod key;
mod keyring;
mod mint;
mod revoke;
pub mod routes;
mod signer;
mod store;
mod verify;

pub use claims::Claims;
pub use key::PublicKey;
pub use keyring::{Keyring, SigningKeySource};
pub use mint::{EmbedToken, mint};
pub use store::{Places, SigningKeySummary, find_places, list_signing_keys};
