//! The audit log: the originator, the time and the kind of each change. Entries are written in the transaction of the
//! change.

mod model;
mod request;
mod response;
pub mod routes;
mod service;
mod store;

pub use model::{Action, Entry};
pub use store::insert_entry;
