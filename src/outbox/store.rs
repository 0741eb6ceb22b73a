//! Statements on `outbox`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::Event;
use crate::error::Result;
use crate::values::clock::Timestamp;
use crate::values::id::{EventId, WorkspaceId};

/// Inserts an event.
pub async fn insert_event(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EventId,
    event: &Event,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* outbox::insert_event */
         INSERT INTO outbox (workspace_id, id, event, payload, created_at) VALUES ($1, $2, $3, $4, $5)",
        workspace_id as _,
        id as _,
        event.name.as_str(),
        event.payload,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads the number of rows from PostgreSQL's statistics: a count would read the whole table for every scrape, and a
/// session of the application sees the rows of one tenant only.
pub(super) async fn find_outbox_depth(conn: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"/* outbox::find_outbox_depth */ SELECT pg_stat_get_live_tuples('outbox'::regclass) AS "rows!""#
    )
    .fetch_one(conn)
    .await?)
}
