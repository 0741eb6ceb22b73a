//! Who changed what, and when: written in the transaction of the change.

mod model;
mod response;
pub mod routes;
mod store;

pub use model::{Action, Entry};
pub use store::insert_entry;
