//! The Partnero dialect: the links of all other routes under Partnero's paths and names. This module translates only;
//! the rules are those of `links`.

pub(in crate::surfaces) mod error;
mod model;
mod page;
mod request;
pub mod routes;
