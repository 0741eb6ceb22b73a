//! On whose behalf something is done.

use crate::access::{Caller, Permission};
use crate::error::Result;
use crate::programs::ProgramRef;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, ProgramId, WorkspaceId};

/// What a workspace does in one of its programs, through one of its keys.
#[derive(Clone)]
pub(in crate::enrollments) struct Act {
    pub(in crate::enrollments) app: AppState,
    pub(in crate::enrollments) workspace_id: WorkspaceId,
    pub(in crate::enrollments) program_id: ProgramId,
    pub(in crate::enrollments) api_key_id: ApiKeyId,
}

impl Act {
    /// Of this caller, in the program that the request names.
    pub(in crate::enrollments) async fn of<P: Permission>(
        caller: &Caller<P>,
        app: &AppState,
        program: Option<ProgramRef>,
    ) -> Result<Self> {
        let ProgramScope { workspace_id, program_id } = caller.program(program).await?;
        Ok(Self { app: app.clone(), workspace_id, program_id, api_key_id: caller.api_key_id })
    }

    /// The time. Asked for after the lock was got: of two acts on one partner the first one has the earlier time.
    pub(in crate::enrollments) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }
}
