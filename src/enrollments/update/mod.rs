//! Changes to a partner who is enrolled.

mod request;
pub mod routes;
mod service;
mod store;
