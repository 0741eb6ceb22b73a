//! Requests that are answered once: what was answered to an `Idempotency-Key`. `http::idempotency` uses it.

mod layer;
mod model;
mod store;
mod sweep;

pub use layer::{Idempotency, once};
pub use model::{Answer, Claim, Fingerprint, IdempotencyKey};
pub use store::{claim_key, keep_answer};
pub use sweep::{sweep, sweep_once};
