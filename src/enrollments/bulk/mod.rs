//! Many enrollments: several at a time, and each as if those before it were done where that makes a difference.

mod batch;
mod chains;
pub mod routes;

pub use batch::Batch;
