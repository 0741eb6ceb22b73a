//! Domains as they are stored and listed.

use crate::values::id::{DomainId, ProgramId};

/// A place where links of a program live.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Its program.
    pub program_id: ProgramId,
    /// Its host.
    pub host: String,
    /// What a key is appended to.
    pub url_prefix: String,
    /// Whether it is offered beside the program's own.
    pub is_additional: bool,
    /// Whether links live there that name no domain.
    pub is_default: bool,
}
