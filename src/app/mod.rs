//! The application: assembles all parts, serves, and shuts down. The only place that knows everything.

mod assemble;
mod serve;
pub mod shutdown;

pub use assemble::{Parts, assemble};
pub use serve::serve;
