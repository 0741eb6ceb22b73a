//! A new workspace with its first program and its first API key.

use url::Url;

use super::program::{CreateProgram, PLACEHOLDER_URL};
use crate::domains::LinkAddress;
use crate::error::Result;
use crate::programs::AccessMode;
use crate::values::id::{GroupId, ProgramId, WorkspaceId};
use crate::work::{Command, Work};
use crate::workspaces::{self, ApiKey, NewApiKey, Plan, Scopes, Slug};

/// Creates a workspace, the workspace of the actor, with a public program and an API key.
///
/// Fails with 409 when the slug is taken.
#[derive(Debug, Clone)]
pub struct CreateWorkspace {
    /// The name for people, also of the program.
    pub name: String,
    /// The name in addresses.
    pub slug: Slug,
    /// The plan.
    pub plan: Plan,
    /// The first key, which allows everything.
    pub key: ApiKey,
    /// The address of the server. Links of the workspace live at `<slug>.localhost` there until the workspace gets a
    /// domain.
    pub public_url: Url,
}

/// The ids of a workspace that was created.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the fields are the ids of three objects")]
pub struct CreatedWorkspace {
    pub workspace_id: WorkspaceId,
    /// The first program.
    pub program_id: ProgramId,
    /// The default group of that program.
    pub group_id: GroupId,
}

impl Command for CreateWorkspace {
    const NAME: &'static str = "create_workspace";
    type Output = CreatedWorkspace;

    async fn apply(&self, work: &mut Work<'_>) -> Result<CreatedWorkspace> {
        let (workspace_id, now) = (work.actor.workspace_id, work.now());
        let program = CreateProgram {
            id: work.next_id(),
            name: self.name.clone(),
            url: PLACEHOLDER_URL.to_owned(),
            access_mode: AccessMode::Public,
            address: LinkAddress::local(self.slug.as_str(), &self.public_url),
        };
        workspaces::insert_workspace(work.conn, workspace_id, &self.slug, &self.name, self.plan, program.id, now)
            .await?;
        let defaults = program.apply(work).await?;
        let key = NewApiKey {
            id: work.next_id(),
            workspace_id,
            program_id: None,
            name: "First key".to_owned(),
            scopes: Scopes::default(),
            expires_at: None,
        };
        workspaces::insert_api_key(work.conn, &key, self.key.hash(), now).await?;
        Ok(CreatedWorkspace { workspace_id, program_id: program.id, group_id: defaults.group_id })
    }
}

/// Creates a workspace if the database has none. If several servers start at the same time, one server creates the
/// workspace. Returns whether this server did.
#[derive(Debug, Clone)]
pub struct CreateFirstWorkspace(pub CreateWorkspace);

impl Command for CreateFirstWorkspace {
    const NAME: &'static str = "bootstrap";
    type Output = bool;

    async fn apply(&self, work: &mut Work<'_>) -> Result<bool> {
        workspaces::lock_workspaces(work.conn).await?;
        if workspaces::exists_any(work.conn).await? {
            return Ok(false);
        }
        self.0.apply(work).await?;
        Ok(true)
    }
}
