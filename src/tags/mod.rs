//! Labels that a workspace puts on its links.

mod model;
mod reference;
pub mod routes;
mod store;

pub use model::Tag;
pub use reference::{TagRefs, resolve};
