//! Requests that are answered once: what was answered to an `Idempotency-Key`. `http::idempotency` uses it.

mod model;
mod store;
mod sweep;

pub use model::{Answer, Fingerprint, IdempotencyKey};
pub use store::{find_answer, insert_answer, try_lock_key};
pub use sweep::{sweep, sweep_once};
