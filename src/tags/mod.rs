//! Tags: labels of the links of a workspace.

mod model;
mod reference;
mod request;
pub mod routes;
mod service;
mod store;

pub use model::Tag;
pub use reference::{TagRefs, resolve};
