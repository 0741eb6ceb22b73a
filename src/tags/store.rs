//! Queries on `tags`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::id::{TagId, WorkspaceId};

/// A tag by both of its names.
#[derive(Debug)]
pub(super) struct LockedTag {
    pub(super) id: TagId,
    pub(super) name_folded: String,
}

/// The tags with these ids or names, which nobody deletes before the end of the transaction.
pub(super) async fn lock_tags(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    ids: &[TagId],
    names_folded: &[String],
) -> Result<Vec<LockedTag>> {
    let rows = sqlx::query_as!(
        LockedTag,
        "/* tags::lock_tags */
         SELECT id, name_folded FROM tags
         WHERE workspace_id = $1 AND (id = ANY($2) OR name_folded = ANY($3))
         ORDER BY id
         FOR KEY SHARE",
        workspace_id as _,
        ids as _,
        names_folded,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
