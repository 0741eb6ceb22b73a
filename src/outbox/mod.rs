//! The outbox: events that are written in the transaction of the fact they report, and delivered afterwards.

mod event;
mod store;

pub use event::{Event, EventName};
pub use store::insert_event;

use crate::db::Db;
use crate::error::Result;

/// Returns the approximate number of events that wait for delivery, over all workspaces.
///
/// # Errors
/// 503 when the database is unavailable.
pub async fn depth(db: &Db) -> Result<i64> {
    db.global().read("outbox_depth", |conn| Box::pin(store::find_outbox_depth(conn))).await
}
