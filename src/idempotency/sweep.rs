//! The removal of expired answers.

use super::store;
use crate::db::Db;
use crate::error::Result;
use crate::values::clock::Timestamp;

/// The most answers that one transaction deletes.
const BATCH: i64 = 1_000;

/// Deletes all answers that have expired, one workspace after the other. Returns the number of deleted answers. Servers
/// that sweep at the same time do not wait for each other.
///
/// # Errors
/// 503 when the database is unavailable.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let tenants = db
        .worker()
        .find("find_expired_answers", move |conn, range| Box::pin(store::list_workspaces_to_sweep(conn, now, range)))
        .await?;
    let mut total = 0;
    for tenant in tenants {
        loop {
            let workspace_id = tenant.workspace_id();
            let deleted = tenant
                .run("sweep_idempotency_keys", move |conn, _| {
                    Box::pin(store::delete_expired_answers(conn, workspace_id, now, BATCH))
                })
                .await?;
            total += deleted;
            if deleted < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    Ok(total)
}
