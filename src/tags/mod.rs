//! Tags: labels that a workspace puts on its links.

mod model;
mod reference;
mod request;
pub mod routes;
mod service;
mod store;

pub use model::Tag;
pub use reference::{TagRefs, resolve};
