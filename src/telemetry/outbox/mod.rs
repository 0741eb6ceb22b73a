//! How many events wait to be delivered.

mod store;

use crate::db::Db;
use crate::error::Result;

/// In the whole database, whosever they are.
///
/// # Errors
/// 503 when the database is away.
pub async fn depth(db: &Db) -> Result<i64> {
    db.global().read("outbox_depth", |conn| Box::pin(store::find_outbox_depth(conn))).await
}
