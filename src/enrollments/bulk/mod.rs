//! Many enrollments: several at a time, with the same results as one after the other.

mod batch;
mod chains;
mod response;
pub mod routes;
mod service;

pub use batch::Batch;
pub use service::CONCURRENCY;
