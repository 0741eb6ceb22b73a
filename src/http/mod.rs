//! HTTP: the list of routes, what stands around them, and how requests are read and answers written.

mod access;
mod authenticate;
pub mod docs;
pub mod extract;
mod guard;
mod health;
mod idempotency;
mod middleware;
pub mod overload;
pub mod rate_limit;
pub mod response;
mod router;
pub mod scrape;
pub mod time_limit;
mod trace;

pub use authenticate::GrantCache;
pub use router::build_app;
