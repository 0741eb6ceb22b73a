//! Who changed what, and when: written in the transaction of the change.

mod answer;
mod model;
pub mod routes;
mod store;

pub use model::{Action, Entry};
pub use store::insert_entry;
