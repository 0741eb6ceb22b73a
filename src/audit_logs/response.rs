//! An entry as an answer shows it (`AuditLog` in openapi.yaml).

use serde::Serialize;
use serde_json::Value;

use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, AuditLogId, ProgramId};

/// An entry, as it is stored.
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

/// The answer.
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

/// Who did it.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Actor {
    /// Who had this key.
    ApiKey { id: ApiKeyId, name: String },
    /// Who runs the server.
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
