//! The rules for changing programs.

use sqlx::PgConnection;

use super::model::ProgramChanges;
use super::store;
use crate::error::{Error, Result};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ProgramId, WorkspaceId};
use crate::workspaces::{self, NewApiKey};

/// Creates an API key. A program that the key is limited to must belong to the key's workspace. No constraint holds this:
/// keys are looked up before the workspace is known, so their table has no foreign key to a tenant table.
///
/// # Errors
/// 404 when the workspace has no such program.
pub async fn create_api_key(conn: &mut PgConnection, key: &NewApiKey, hash: [u8; 32], now: Timestamp) -> Result<()> {
    if key.program_id.is_some() && store::find_program_id(conn, key.workspace_id, key.program_id).await?.is_none() {
        return Err(Error::not_found("The workspace has no such program."));
    }
    workspaces::insert_api_key(conn, key, hash, now).await
}

/// Changes a program and keeps it locked until the end of the transaction. Returns the site that the program had before.
/// Default links to that site belong to groups, and the caller changes them.
///
/// # Errors
/// 404 when there is no such program; 409 when the workspace's default program, which
/// answers for every request that names none, is to be made inactive.
pub async fn update_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: Timestamp,
    id: ProgramId,
    changes: &ProgramChanges,
) -> Result<String> {
    if changes.active == Some(false) && workspaces::lock_default_program(conn, workspace_id).await? == Some(id) {
        return Err(Error::conflict("This is the workspace's default program: make another one the default first."));
    }
    let previous_url = store::lock_program_url(conn, workspace_id, id).await?;
    let previous_url = previous_url.ok_or_else(|| Error::not_found("There is no such program."))?;
    store::update_program(conn, workspace_id, id, changes, now).await?;
    Ok(previous_url)
}

/// Makes a program the one of every request of its workspace that names none.
///
/// # Errors
/// 404 when the workspace has no such program; 409 when it is inactive.
pub async fn update_default_program(conn: &mut PgConnection, workspace_id: WorkspaceId, id: ProgramId) -> Result<()> {
    // Held until the end, so that nobody makes the program inactive meanwhile.
    workspaces::lock_default_program(conn, workspace_id).await?;
    if store::find_program_id(conn, workspace_id, Some(id)).await?.is_none() {
        return Err(Error::not_found("The workspace has no such program."));
    }
    if !store::is_active(conn, ProgramScope { workspace_id, program_id: id }).await? {
        return Err(Error::conflict("The program is inactive."));
    }
    workspaces::update_default_program(conn, workspace_id, id).await
}
