//! Changes of an enrolled partner.

mod request;
pub mod routes;
mod service;
mod store;
