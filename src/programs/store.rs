//! Queries on `programs`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{AccessMode, NewProgram, ProgramChanges, ProgramSummary, TokenLifetime};
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, GroupId, ProgramId, WorkspaceId};

/// Inserts a program, whose default group and domain follow in the same transaction.
pub async fn insert_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program: &NewProgram,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* programs::insert_program */
         INSERT INTO programs (workspace_id, id, name, url, access_mode, token_lifetime_seconds,
                               default_group_id, default_domain_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        workspace_id as _,
        program.id as _,
        program.name,
        program.url,
        program.access_mode as _,
        TokenLifetime::DEFAULT.seconds(),
        program.default_group_id as _,
        program.default_domain_id as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the programs of a workspace, oldest first.
pub async fn list_programs(conn: &mut PgConnection, workspace_id: WorkspaceId) -> Result<Vec<ProgramSummary>> {
    let rows = sqlx::query_as!(
        ProgramSummary,
        r#"/* programs::list_programs */
         SELECT id, name, url, COALESCE(portal_url, url) AS "portal_url!", access_mode, token_lifetime_seconds,
                default_group_id, default_domain_id, deactivated_at, created_at
         FROM programs WHERE workspace_id = $1 ORDER BY created_at, id"#,
        workspace_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Finds the workspace of a program, for the command line, where an id alone names a program.
pub async fn find_workspace_of_program(conn: &mut PgConnection, id: ProgramId) -> Result<Option<WorkspaceId>> {
    let workspace_id = sqlx::query_scalar!(
        r#"/* programs::find_workspace_of_program */
         SELECT find_workspace_of_program($1) AS "workspace_id: WorkspaceId""#,
        id as _
    )
    .fetch_one(conn)
    .await?;
    Ok(workspace_id)
}

/// Returns the site of a program, and locks the program until the end of the transaction.
pub(super) async fn lock_program_url(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
) -> Result<Option<String>> {
    let url = sqlx::query_scalar!(
        "/* programs::lock_program_url */
         SELECT url FROM programs WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE",
        workspace_id as _,
        program_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(url)
}

/// Changes an existing program.
pub(super) async fn update_program(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    changes: &ProgramChanges,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* programs::update_program */
         UPDATE programs
         SET name = COALESCE($3, name), url = COALESCE($4, url), access_mode = COALESCE($5, access_mode),
             token_lifetime_seconds = COALESCE($6, token_lifetime_seconds),
             default_domain_id = COALESCE($7, default_domain_id), portal_url = COALESCE($8, portal_url),
             deactivated_at = CASE WHEN $9 THEN NULL WHEN NOT $9 THEN COALESCE(deactivated_at, $10)
                                   ELSE deactivated_at END
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        program_id as _,
        changes.name.as_deref(),
        changes.url.as_deref(),
        changes.access_mode as Option<AccessMode>,
        changes.token_lifetime.map(TokenLifetime::seconds),
        changes.default_domain_id as Option<DomainId>,
        changes.portal_url.as_deref(),
        changes.active,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the program with an id, or the workspace's default program when `id` is `None`.
pub async fn find_program_id(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: Option<ProgramId>,
) -> Result<Option<ProgramId>> {
    let id = sqlx::query_scalar!(
        "/* programs::find_program_id */
         SELECT p.id FROM workspaces w
         JOIN programs p ON p.workspace_id = $1 AND p.id = COALESCE($2, w.default_program_id)
         WHERE w.id = $1",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Returns whether the workspace has this program and the program is active.
pub async fn is_active(conn: &mut PgConnection, scope: ProgramScope) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"/* programs::is_active */
         SELECT EXISTS (
             SELECT FROM programs WHERE workspace_id = $1 AND id = $2 AND deactivated_at IS NULL
         ) AS "exists!""#,
        scope.workspace_id as _,
        scope.program_id as _,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Finds the site of a program.
pub async fn find_program_url(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
) -> Result<Option<String>> {
    let url = sqlx::query_scalar!(
        "/* programs::find_program_url */ SELECT url FROM programs WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        program_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(url)
}

/// Returns the default group of a program, and locks the program until the end of the transaction.
pub async fn lock_default_group(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
) -> Result<Option<GroupId>> {
    let default_group_id = sqlx::query_scalar!(
        "/* programs::lock_default_group */
         SELECT default_group_id FROM programs WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE",
        workspace_id as _,
        program_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(default_group_id)
}

/// Changes the group of partners without a group of their own.
pub async fn update_default_group(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    id: GroupId,
) -> Result<()> {
    sqlx::query!(
        "/* programs::update_default_group */
         UPDATE programs SET default_group_id = $3 WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        program_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
