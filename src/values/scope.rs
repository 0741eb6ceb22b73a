//! The pair of ids that most work is about.

use super::id::{ProgramId, WorkspaceId};

/// A program and the workspace that owns it. The value says nothing about whether the program exists:
/// [`crate::access::Caller::program`] hands out scopes of programs that a caller may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramScope {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// A program of that tenant.
    pub program_id: ProgramId,
}
