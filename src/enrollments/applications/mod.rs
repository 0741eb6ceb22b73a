//! Partners who wait for a review, and the decisions of reviewers.

mod model;
mod request;
mod response;
pub mod routes;
mod service;
mod store;
