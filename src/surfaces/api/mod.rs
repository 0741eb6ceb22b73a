//! The API for the backends of customers, authenticated by API keys.

mod access_log;
pub mod dialects;
pub mod docs;
mod guard;
mod health;
mod observe;
mod router;
mod trace;

pub use router::build_app;
