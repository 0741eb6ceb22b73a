//! Deleting the answers that have expired.

use std::time::Duration;

use super::store;
use crate::error::Result;
use crate::surfaces::state::AppState;

/// How often a server looks.
const EVERY: Duration = Duration::from_mins(10);
/// So many in one transaction.
const BATCH: i32 = 1_000;

/// Deletes all that have expired. Returns how many they were.
///
/// # Errors
/// 503 when the database is away.
pub async fn sweep_once(app: &AppState) -> Result<i64> {
    let mut total = 0;
    loop {
        let now = app.clock.now();
        let deleted = app
            .db
            .global()
            .run("sweep_idempotency_keys", move |conn, _| Box::pin(store::delete_expired_answers(conn, now, BATCH)))
            .await?;
        total += deleted;
        if deleted < BATCH.into() {
            return Ok(total);
        }
    }
}

/// Does so again and again, until the task is dropped.
pub async fn sweep(app: AppState) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), "could not delete expired answers");
        }
    }
}
