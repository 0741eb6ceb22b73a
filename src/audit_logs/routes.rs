//! `GET /audit-logs`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use super::response::AuditLog;
use super::store::{self, Filters};
use crate::access::{Caller, ReadPartners};
use crate::error::Result;
use crate::http::extract::Query;
use crate::http::response::Found;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Fields, FromFields};
use crate::values::Page;
use crate::values::ProgramScope;

/// Which entries.
pub struct ListAuditLogsRequest {
    /// None when a target and another partner are asked for: no entry is about both.
    filters: Option<Filters>,
    page: Page,
    program: Option<ProgramRef>,
}

impl FromFields for ListAuditLogsRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let action = fields.optional("action");
        let target = fields.optional("target");
        let partner_id = fields.optional("partnerId");
        let contradict = target.is_some() && partner_id.is_some() && target != partner_id;
        let filters = (!contradict).then(|| Filters { action, target: target.or(partner_id) });
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { filters, page, program })
    }
}

/// `GET /audit-logs`: who changed what, newest first.
pub async fn list_audit_logs(
    App(app): App,
    caller: Caller<ReadPartners>,
    Query(request): Query<ListAuditLogsRequest>,
) -> Result<Found<Vec<AuditLog>>> {
    let scope = caller.program(request.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let Some(filters) = request.filters else { return Ok(Found(Vec::new())) };
    let (filters, page) = (Arc::new(filters), request.page);
    let rows = app.db.tenant(workspace_id).read_snapshot("list_audit_logs", move |conn| {
        let filters = Arc::clone(&filters);
        Box::pin(async move { store::list_entries(conn, workspace_id, program_id, &filters, page).await })
    });
    Ok(Found(rows.await?.into_iter().map(AuditLog::from).collect()))
}
