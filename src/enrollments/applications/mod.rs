//! Partners who wait for a review, and what comes of it.

mod model;
mod response;
pub mod routes;
mod service;
mod store;
