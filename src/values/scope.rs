//! The pair of ids that most work needs.

use super::id::{ProgramId, WorkspaceId};

/// A program and the workspace that owns it. The value does not prove that the program exists: `access::Caller::program`
/// returns scopes of programs that exist and that the caller may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramScope {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// A program of that tenant.
    pub program_id: ProgramId,
}
