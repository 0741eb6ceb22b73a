//! Labels that a workspace puts on its links.

mod model;
mod reference;
mod store;

pub use model::{Tag, TagName};
pub use reference::{TagRefs, resolve};
