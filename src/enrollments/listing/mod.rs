//! Partners of a program as a list: filters, orders, pages, and how many there are.

mod model;
pub mod routes;
mod search;
mod store;

pub(super) use model::{SortOrder, Who};
