//! A new API key.

use crate::error::{Error, Result};
use crate::programs;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, ProgramId};
use crate::work::{Command, Work};
use crate::workspaces::{self, ApiKey, NewApiKey, Scopes};

/// Creates an API key of the actor's workspace and returns the id of the key.
///
/// Fails with 404 when the workspace has no such program. No foreign key checks the program: keys are looked up before
/// the workspace is known, so the table of keys refers to no table of a workspace.
#[derive(Debug)]
pub struct CreateApiKey {
    /// The key itself, of which only a hash is stored.
    pub key: ApiKey,
    /// The name for people.
    pub name: String,
    /// The only program that the key may use; `None` for every program.
    pub program_id: Option<ProgramId>,
    /// The permissions of the key.
    pub scopes: Scopes,
    /// The time after which the key is invalid.
    pub expires_at: Option<Timestamp>,
}

impl Command for CreateApiKey {
    const NAME: &'static str = "create_key";
    type Output = ApiKeyId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<ApiKeyId> {
        let workspace_id = work.actor.workspace_id;
        if self.program_id.is_some()
            && programs::find_program_id(work.conn, workspace_id, self.program_id).await?.is_none()
        {
            return Err(Error::not_found("The workspace has no such program."));
        }
        let (id, now) = (work.next_id(), work.now());
        let key = NewApiKey {
            id,
            workspace_id,
            program_id: self.program_id,
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            expires_at: self.expires_at,
        };
        workspaces::insert_api_key(work.conn, &key, self.key.hash(), now).await?;
        Ok(id)
    }
}
