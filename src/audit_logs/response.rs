//! Entries as answers show them (`AuditLog` in openapi.yaml).

use serde::Serialize;
use serde_json::Value;

use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, AuditLogId, ProgramId};

/// A stored entry.
#[derive(Debug)]
pub(super) struct AuditLogRow {
    pub(super) id: AuditLogId,
    pub(super) action: String,
    pub(super) target: String,
    pub(super) api_key_id: Option<ApiKeyId>,
    pub(super) api_key_name: Option<String>,
    pub(super) details: Value,
    pub(super) program_id: ProgramId,
    pub(super) created_at: Timestamp,
}

/// An entry in an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditLog {
    id: AuditLogId,
    action: String,
    target: String,
    actor: Actor,
    details: Value,
    program_id: ProgramId,
    created_at: Timestamp,
}

/// The originator of a change.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Actor {
    /// A request with this API key.
    ApiKey { id: ApiKeyId, name: String },
    /// The operator of the server.
    System,
}

impl From<AuditLogRow> for AuditLog {
    fn from(row: AuditLogRow) -> Self {
        let actor = match row.api_key_id {
            Some(id) => Actor::ApiKey { id, name: row.api_key_name.unwrap_or_default() },
            None => Actor::System,
        };
        Self {
            id: row.id,
            action: row.action,
            target: row.target,
            actor,
            details: row.details,
            program_id: row.program_id,
            created_at: row.created_at,
        }
    }
}
