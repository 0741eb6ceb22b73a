//! The rules for changing programs.

use sqlx::PgConnection;

use super::model::ProgramChanges;
use super::store;
use crate::error::{Error, Result};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::workspaces;

/// Changes a program and keeps the program locked until the end of the transaction. Returns the site that the program
/// had before. Default links to that site belong to groups, and the caller changes them.
///
/// # Errors
/// 404 when there is no such program; 409 when the workspace's default program, which is the program of every request
/// that names none, would become inactive.
pub async fn update_program(
    conn: &mut PgConnection,
    scope: ProgramScope,
    changes: &ProgramChanges,
    now: Timestamp,
) -> Result<String> {
    let ProgramScope { workspace_id, program_id } = scope;
    let deactivates = changes.active == Some(false);
    if deactivates && workspaces::lock_default_program(conn, workspace_id).await? == Some(program_id) {
        return Err(Error::conflict("This is the workspace's default program: make another one the default first."));
    }
    let previous_url = store::lock_program_url(conn, scope).await?;
    let previous_url = previous_url.ok_or_else(|| Error::not_found("There is no such program."))?;
    store::update_program(conn, scope, changes, now).await?;
    Ok(previous_url)
}

/// Makes a program the default program of its workspace: the program of every request that names none.
///
/// # Errors
/// 404 when the workspace has no such program; 409 when the program is inactive.
pub async fn update_default_program(conn: &mut PgConnection, scope: ProgramScope) -> Result<()> {
    let ProgramScope { workspace_id, program_id } = scope;
    // Locked until the end of the transaction, so that the program does not become inactive meanwhile.
    workspaces::lock_default_program(conn, workspace_id).await?;
    if store::find_program_id(conn, workspace_id, Some(program_id)).await?.is_none() {
        return Err(Error::not_found("The workspace has no such program."));
    }
    if !store::is_active(conn, scope).await? {
        return Err(Error::conflict("The program is inactive."));
    }
    workspaces::update_default_program(conn, workspace_id, program_id).await
}
