//! Extractors: how handlers read a request. Of axum's own extractors, handlers use only `State`.

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
pub use transaction::{InTransaction, RequestDb, request_db};
