//! Changes to links. A caller that changes a link has locked the enrollment of the link's partner (`lock_enrollment`).
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::links::key;
use crate::links::model::Link;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{LinkId, WorkspaceId};

/// Locks the enrollment of the partner who has a link: no other transaction changes the links of the enrollment before
/// the end of this transaction. Returns false when there is no such link.
pub(in crate::links) async fn lock_enrollment(
    conn: &mut PgConnection,
    scope: ProgramScope,
    id: LinkId,
) -> Result<bool> {
    let row = sqlx::query_scalar!(
        "/* links::lock_enrollment */
         SELECT e.id FROM links l
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = l.program_id
                           AND e.partner_id = l.partner_id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.id = $3
         FOR NO KEY UPDATE OF e",
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

/// Writes the domain, key, target, external id and settings of a link.
pub(in crate::links) async fn update_link(conn: &mut PgConnection, link: &Link, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "/* links::update_link */
         UPDATE links
         SET domain_id = $3, key = $4, key_folded = $5, url = $6, external_id = $7, settings = $8, updated_at = $9
         WHERE workspace_id = $1 AND id = $2",
        link.owner.workspace_id as _,
        link.id as _,
        link.domain_id as _,
        link.key,
        key::fold(&link.key),
        link.url,
        link.external_id.as_deref(),
        Json(&link.settings) as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes all tags from a link.
pub(in crate::links) async fn delete_link_tags(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: LinkId,
) -> Result<()> {
    sqlx::query!(
        "/* links::delete_link_tags */ DELETE FROM link_tags WHERE workspace_id = $1 AND link_id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a link.
pub(in crate::links) async fn delete_link(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: LinkId,
) -> Result<()> {
    sqlx::query!(
        "/* links::delete_link */ DELETE FROM links WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
