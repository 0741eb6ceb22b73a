//! Embed tokens: minting, verification and revocation, and the keys that sign tokens.

mod claims;
mod key;
mod keyring;
mod mint;
mod request;
mod response;
pub mod routes;
mod service;
mod signer;
mod store;
mod verify;

pub use keyring::{Keyring, SigningKeySource};
pub use mint::{EmbedToken, TokenIssuer};
pub use service::EnrollmentPlaces;
pub use store::list_signing_keys;
