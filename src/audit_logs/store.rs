//! Queries on `audit_logs`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use super::model::Entry;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{AuditLogId, Ids};

/// A new entry.
pub async fn insert_entry(conn: &mut PgConnection, ids: &Ids, now: Timestamp, entry: &Entry<'_>) -> Result<()> {
    let id: AuditLogId = ids.next(now);
    sqlx::query!(
        "/* audit_logs::insert_entry */
         INSERT INTO audit_logs (workspace_id, id, program_id, api_key_id, action, target, details, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        entry.workspace_id as _,
        id as _,
        entry.program_id as _,
        entry.api_key_id as _,
        entry.action.as_str(),
        entry.target,
        entry.details,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
