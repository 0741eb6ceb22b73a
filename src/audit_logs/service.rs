//! Reading the audit log. The folder `work` imports this folder to write entries, so a list of entries cannot be a query
//! of `work`.

use std::sync::Arc;

use super::response::AuditLog;
use super::store::{self, Filters};
use crate::db::Db;
use crate::error::Result;
use crate::values::{Page, ProgramScope};

/// Lists the entries of a program, newest first.
pub(super) async fn list(db: &Db, scope: ProgramScope, filters: Filters, page: Page) -> Result<Vec<AuditLog>> {
    let ProgramScope { workspace_id, program_id } = scope;
    let filters = Arc::new(filters);
    let rows = db.tenant(workspace_id).read_snapshot("list_audit_logs", move |conn| {
        let filters = Arc::clone(&filters);
        Box::pin(async move { store::list_entries(conn, workspace_id, program_id, &filters, page).await })
    });
    Ok(rows.await?.into_iter().map(AuditLog::from).collect())
}
