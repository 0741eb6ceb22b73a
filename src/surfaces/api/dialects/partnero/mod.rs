//! The referral links of the Partnero dialect: the links of every other route under their keys, in snake case.

pub(in crate::surfaces) mod error;
mod model;
mod page;
mod request;
pub mod routes;
mod service;
mod tracking;
