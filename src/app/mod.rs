//! The application: assembles all parts, serves, runs background workers, and shuts down. The only folder that knows
//! everything.

mod assemble;
mod serve;
pub mod shutdown;
pub mod workers;

pub use assemble::{Parts, assemble};
pub use serve::serve;
