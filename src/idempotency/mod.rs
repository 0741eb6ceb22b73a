//! Requests with an `Idempotency-Key`: such a request takes effect once, and its repetitions get the stored answer.

mod layer;
mod model;
mod store;
mod sweep;

pub use layer::{Idempotency, with_idempotency};
pub use model::{Answer, Claim, Fingerprint, IdempotencyKey};
pub use store::claim_key;
pub use sweep::sweep;
