//! The originator of a change.

use crate::access::Caller;
use crate::values::id::{ApiKeyId, EnrollmentId, WorkspaceId};

/// The originator of a change, and the workspace in which the change takes place: the tenant of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The kind of originator.
    pub kind: ActorKind,
}

/// The kind of originator of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A request with an API key.
    ApiKey(ApiKeyId),
    /// An operator on the command line.
    CommandLine,
    /// A partner, by an embed token of this enrollment.
    Partner(EnrollmentId),
    /// A background worker of this name.
    Job(&'static str),
}

impl Actor {
    /// Returns the actor for an operator who works on this workspace on the command line.
    #[must_use]
    pub fn command_line(workspace_id: WorkspaceId) -> Self {
        Self { workspace_id, kind: ActorKind::CommandLine }
    }

    /// Returns the API key for the audit log; `None` for every other kind of actor.
    #[must_use]
    pub fn api_key_id(&self) -> Option<ApiKeyId> {
        match self.kind {
            ActorKind::ApiKey(id) => Some(id),
            ActorKind::CommandLine | ActorKind::Partner(_) | ActorKind::Job(_) => None,
        }
    }
}

impl<P> From<&Caller<P>> for Actor {
    fn from(caller: &Caller<P>) -> Self {
        Self { workspace_id: caller.workspace_id, kind: ActorKind::ApiKey(caller.api_key_id) }
    }
}
