//! Lists of a program's partners: filters, orders, pages and counts.

mod model;
mod request;
pub mod routes;
mod search;
mod service;
mod store;

pub(super) use model::PartnerFilter;
