//! Partners who wait for a review, and what comes of it.

mod answer;
mod model;
pub mod routes;
mod service;
mod store;
