//! `GET /audit-logs`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::request::ListAuditLogsRequest;
use super::response::AuditLog;
use super::service;
use crate::access::{Caller, ReadPartners};
use crate::error::Result;
use crate::http::extract::{Query, RequestDb};
use crate::http::response::Found;

/// `GET /audit-logs`: lists who changed what, newest first.
pub async fn list_audit_logs(
    RequestDb(db): RequestDb,
    caller: Caller<ReadPartners>,
    Query(request): Query<ListAuditLogsRequest>,
) -> Result<Found<Vec<AuditLog>>> {
    let scope = caller.program(request.program).await?;
    let Some(filters) = request.filters else { return Ok(Found(Vec::new())) };
    service::list(&db, scope, filters, request.page).await.map(Found)
}
