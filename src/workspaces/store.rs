//! Statements on `workspaces` and `api_keys`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{Grant, NewApiKey, Plan, Scopes, Slug};
use crate::error::Result;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, ProgramId, WorkspaceId};

/// A workspace in a list.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSummary {
    pub id: WorkspaceId,
    /// The name in addresses.
    pub slug: String,
    /// The name for people.
    pub name: String,
    pub plan: Plan,
    /// The program of a request that names no program.
    pub default_program_id: ProgramId,
    pub created_at: Timestamp,
}

/// An API key in a list. The key itself is not stored.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySummary {
    pub id: ApiKeyId,
    /// The name for people.
    pub name: String,
    /// The rights of the key.
    pub scopes: Vec<String>,
    /// The only program that the key may use, if the key is limited to one program.
    pub program_id: Option<ProgramId>,
    /// The end of the key.
    pub expires_at: Option<Timestamp>,
    /// The time of revocation.
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// Returns whether there is any workspace.
pub async fn exists_any(conn: &mut PgConnection) -> Result<bool> {
    let found =
        sqlx::query_scalar!(r#"/* workspaces::exists_any */ SELECT EXISTS (SELECT FROM workspaces) AS "exists!""#)
            .fetch_one(conn)
            .await?;
    Ok(found)
}

/// Finds the workspace with this slug.
pub async fn find_id_by_slug(conn: &mut PgConnection, slug: &str) -> Result<Option<WorkspaceId>> {
    let id = sqlx::query_scalar!("/* workspaces::find_id_by_slug */ SELECT id FROM workspaces WHERE slug = $1", slug)
        .fetch_optional(conn)
        .await?;
    Ok(id)
}

/// Lists all workspaces, oldest first.
pub async fn list_workspaces(conn: &mut PgConnection) -> Result<Vec<WorkspaceSummary>> {
    let rows = sqlx::query_as!(
        WorkspaceSummary,
        "/* workspaces::list_workspaces */
         SELECT id, slug, name, plan, default_program_id, created_at FROM workspaces ORDER BY created_at, id"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Inserts a workspace. Its default program must follow in the same transaction.
pub async fn insert_workspace(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    slug: &Slug,
    name: &str,
    plan: Plan,
    default_program_id: ProgramId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* workspaces::insert_workspace */
         INSERT INTO workspaces (id, slug, name, plan, default_program_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        workspace_id as _,
        slug.as_str(),
        name,
        plan as _,
        default_program_id as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the program of a request that names no program, and locks the choice until the end of the transaction.
pub async fn lock_default_program(conn: &mut PgConnection, workspace_id: WorkspaceId) -> Result<Option<ProgramId>> {
    let id = sqlx::query_scalar!(
        "/* workspaces::lock_default_program */
         SELECT default_program_id FROM workspaces WHERE id = $1 FOR NO KEY UPDATE",
        workspace_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Changes the program of a request that names no program.
pub async fn update_default_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
) -> Result<()> {
    sqlx::query!(
        "/* workspaces::update_default_program */ UPDATE workspaces SET default_program_id = $2 WHERE id = $1",
        workspace_id as _,
        program_id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts an API key, of which only the hash is stored.
pub async fn insert_api_key(conn: &mut PgConnection, key: &NewApiKey, hash: [u8; 32], now: Timestamp) -> Result<()> {
    sqlx::query!(
        "/* workspaces::insert_api_key */
         INSERT INTO api_keys (key_hash, id, workspace_id, program_id, name, scopes, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &hash[..],
        key.id as _,
        key.workspace_id as _,
        key.program_id as _,
        key.name,
        &key.scopes.to_strings(),
        key.expires_at as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lists the API keys of a workspace, oldest first.
pub async fn list_api_keys(conn: &mut PgConnection, workspace_id: WorkspaceId) -> Result<Vec<ApiKeySummary>> {
    let rows = sqlx::query_as!(
        ApiKeySummary,
        "/* workspaces::list_api_keys */
         SELECT id, name, scopes, program_id, expires_at, revoked_at, created_at
         FROM api_keys WHERE workspace_id = $1 ORDER BY created_at, id",
        workspace_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Revokes an API key, for the command line, which names a key by its id alone. Returns false when there is no such key
/// or the key was revoked before.
pub async fn revoke_api_key(conn: &mut PgConnection, id: ApiKeyId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "/* workspaces::revoke_api_key */
         UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        id as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the grant of the API key with this hash, unless the key is unknown or revoked. The caller checks the expiry.
pub async fn find_grant(conn: &mut PgConnection, hash: [u8; 32]) -> Result<Option<Grant>> {
    let row = sqlx::query!(
        r#"/* workspaces::find_grant */
         SELECT api_key_id AS "api_key_id!: ApiKeyId", workspace_id AS "workspace_id!: WorkspaceId",
                plan AS "plan!: Plan", program_id AS "program_id!: ProgramId",
                deactivated_at AS "deactivated_at: Timestamp", scopes AS "scopes!",
                expires_at AS "expires_at: Timestamp", is_bound_to_program AS "is_bound_to_program!"
         FROM find_grant($1)"#,
        &hash[..],
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Grant {
        workspace_id: row.workspace_id,
        plan: row.plan,
        api_key_id: row.api_key_id,
        program_id: row.program_id,
        program_is_active: row.deactivated_at.is_none(),
        is_bound_to_program: row.is_bound_to_program,
        scopes: Scopes::from_stored(&row.scopes),
        expires_at: row.expires_at,
    }))
}

/// Locks `workspaces` until the end of the transaction, so that only one transaction creates the first workspace.
pub async fn lock_workspaces(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("/* workspaces::lock_workspaces */ LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE")
        .execute(conn)
        .await?;
    Ok(())
}
