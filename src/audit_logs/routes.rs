//! `GET /audit-logs`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use axum::extract::State;

use super::answer::AuditLog;
use super::store::{self, Filters};
use crate::error::Result;
use crate::http::extract::{Caller, Page, Query, ReadPartners};
use crate::http::response::Found;
use crate::programs::ProgramRef;
use crate::state::AppState;
use crate::validation::{Fields, FromFields};

/// Which entries.
pub struct ListAuditLogsRequest {
    filters: Filters,
    page: Page,
    program: Option<ProgramRef>,
}

impl FromFields for ListAuditLogsRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let action = fields.optional("action");
        let target = fields.optional("target");
        let partner_id = fields.optional("partnerId");
        let filters = Filters { action, target, partner_id };
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { filters, page, program })
    }
}

/// `GET /audit-logs`: who changed what, newest first.
pub async fn list_audit_logs(
    State(app): State<AppState>,
    caller: Caller<ReadPartners>,
    Query(request): Query<ListAuditLogsRequest>,
) -> Result<Found<Vec<AuditLog>>> {
    let (workspace_id, program_id) = caller.program(&app, request.program).await?;
    let (filters, page) = (Arc::new(request.filters), request.page);
    let rows = app.db.read("list_audit_logs", move |conn| {
        let filters = Arc::clone(&filters);
        Box::pin(async move { store::list_entries(conn, workspace_id, program_id, &filters, page).await })
    });
    Ok(Found(rows.await?.into_iter().map(AuditLog::from).collect()))
}
