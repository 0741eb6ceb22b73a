//! Statements on `audit_logs`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{Action, Entry};
use super::response::AuditLogRow;
use crate::error::Result;
use crate::validation::Bounded;
use crate::values::Page;
use crate::values::clock::Timestamp;
use crate::values::id::{AuditLogId, Ids, ProgramId, WorkspaceId};

/// Inserts an entry.
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

/// The filters of a list of entries. `None` leaves a filter out.
#[derive(Debug)]
pub(super) struct Filters {
    pub(super) action: Option<Action>,
    pub(super) target: Option<Bounded<1, 255>>,
}

/// Lists the entries of a program, newest first. Must run in `db::Tenant::read_snapshot`, which plans each call for its
/// own values, so that each filter is served by its own index.
pub(super) async fn list_entries(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    filters: &Filters,
    page: Page,
) -> Result<Vec<AuditLogRow>> {
    let rows = sqlx::query_as!(
        AuditLogRow,
        r#"/* audit_logs::list_entries */
         SELECT a.id, a.action, a.target, a.api_key_id, k.name AS "api_key_name?", a.details, a.program_id, a.created_at
         FROM audit_logs a LEFT JOIN api_keys k ON k.workspace_id = $1 AND k.id = a.api_key_id
         WHERE a.workspace_id = $1 AND a.program_id = $2 AND ($3::text IS NULL OR a.action = $3)
           AND ($4::text IS NULL OR a.target = $4)
         ORDER BY a.created_at DESC, a.id DESC
         LIMIT $5 OFFSET $6"#,
        workspace_id as _,
        program_id as _,
        filters.action.map(Action::as_str),
        filters.target.as_ref().map(Bounded::as_str),
        page.limit,
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
