//! The referral links of the Partnero dialect: the links of every other route under their keys, in snake case.

mod model;
mod page;
mod request;
pub mod routes;
mod service;
mod store;
mod tracking;
