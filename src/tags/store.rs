//! Statements on `tags`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{NewTag, Tag, TagFilter, TagName};
use crate::error::Result;
use crate::values::clock::Timestamp;
use crate::values::color::Color;
use crate::values::id::{TagId, WorkspaceId};

/// Lists a page of the tags of a workspace.
pub(super) async fn list_tags(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    filter: &TagFilter,
) -> Result<Vec<Tag>> {
    let rows = sqlx::query_as!(
        Tag,
        "/* tags::list_tags */
         SELECT id, name, color FROM tags
         WHERE workspace_id = $1 AND (strpos(name_folded, $2) > 0 OR $2 IS NULL) AND (id = ANY($3) OR $3 IS NULL)
         ORDER BY CASE WHEN $4 AND NOT $5 THEN created_at END, CASE WHEN $4 AND $5 THEN created_at END DESC,
                  CASE WHEN NOT $5 THEN name_folded END, CASE WHEN $5 THEN name_folded END DESC, id
         LIMIT $6 OFFSET $7",
        workspace_id as _,
        filter.search.as_deref(),
        filter.ids.as_deref() as _,
        filter.order.by_creation,
        filter.order.descending,
        filter.page.limit,
        filter.page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Inserts a tag. Returns false when the workspace has a tag of this name.
pub(super) async fn insert_tag(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    NewTag { id, name, color }: NewTag<'_>,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* tags::insert_tag */
         INSERT INTO tags (workspace_id, id, name, name_folded, color, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING",
        workspace_id as _,
        id as _,
        name.as_str(),
        name.folded(),
        color as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes the given members of a tag. Returns `None` when there is no such tag.
pub(super) async fn update_tag(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: TagId,
    name: Option<&TagName>,
    color: Option<Color>,
) -> Result<Option<Tag>> {
    let tag = sqlx::query_as!(
        Tag,
        "/* tags::update_tag */
         UPDATE tags SET name = COALESCE($3, name), name_folded = COALESCE($4, name_folded), color = COALESCE($5, color)
         WHERE workspace_id = $1 AND id = $2
         RETURNING id, name, color",
        workspace_id as _,
        id as _,
        name.map(TagName::as_str),
        name.map(TagName::folded),
        color as Option<Color>,
    )
    .fetch_optional(conn)
    .await?;
    Ok(tag)
}

/// Deletes a tag and removes the tag from all links. Returns false when there is no such tag.
pub(super) async fn delete_tag(conn: &mut PgConnection, workspace_id: WorkspaceId, id: TagId) -> Result<bool> {
    let done = sqlx::query!(
        "/* tags::delete_tag */ DELETE FROM tags WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The id and the folded name of a locked tag.
#[derive(Debug)]
pub(super) struct LockedTag {
    pub(super) id: TagId,
    pub(super) name_folded: String,
}

/// Finds the tags with these ids or names, and locks the tags: no other transaction deletes a locked tag before the end
/// of this transaction.
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
