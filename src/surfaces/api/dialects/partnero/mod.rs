//! The Partnero dialect: the links of all other routes under Partnero's paths and names. This module only translates;
//! the rules are in `links`.

pub(in crate::surfaces) mod error;
mod model;
mod page;
mod request;
pub mod routes;
