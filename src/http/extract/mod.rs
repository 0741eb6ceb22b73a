//! Extractors: how handlers get what they need from a request. Handlers use none of axum's own extractors but `State`.

mod address;
mod body;
mod items;
mod path;
mod query;
mod transaction;

pub use address::{Address, PublicUrl};
pub use body::{Body, BodyLimit};
pub use items::Items;
pub use path::PathId;
pub use query::Query;
pub use transaction::{InTransaction, request_db};
