//! Statements that lock and change `groups` and `group_default_links`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::groups::model::{DefaultLink, Group, GroupRef, NewGroup};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, GroupDefaultLinkId, GroupId, WorkspaceId};

/// Locks a group exclusively until the end of the transaction: waits for every transaction that is creating an
/// enrollment in the group or moving a partner to the group, and makes later transactions wait.
pub(in crate::groups) async fn lock_group_exclusive(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<()> {
    sqlx::query!(
        "/* groups::lock_group_exclusive */ SELECT FROM groups WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Writes a changed group. If a default link has another target (`is_retargeted`), the links of all partners have to
/// follow.
pub(in crate::groups) async fn update_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    group: &Group,
    is_retargeted: bool,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* groups::update_group */
         UPDATE groups
         SET name = $3, slug = $4, color = $5, max_partner_links = $6, allowed_hosts = $7, updated_at = $8,
             version = version + 1, follow_after = CASE WHEN $9 THEN NULL ELSE follow_after END
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        group.id as _,
        group.name,
        group.slug,
        group.color as _,
        group.max_partner_links,
        &group.allowed_hosts,
        now as _,
        is_retargeted,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes default links from their group: no further partner gets links for these default links.
pub(in crate::groups) async fn remove_default_links(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    ids: &[GroupDefaultLinkId],
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* groups::remove_default_links */
         UPDATE group_default_links SET removed_at = $3 WHERE workspace_id = $1 AND id = ANY($2)",
        workspace_id as _,
        ids as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes the target of a default link. Links that were created for the default link have to follow.
pub(in crate::groups) async fn update_default_link(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    link: &DefaultLink,
) -> Result<()> {
    sqlx::query!(
        "/* groups::update_default_link */
         UPDATE group_default_links SET previous_urls = array_append(array_remove(previous_urls, $3), url), url = $3
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        link.id as _,
        link.url,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes a group: requests no longer find the group. The partners of the group have to move to another group.
pub(in crate::groups) async fn close_group(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    (id, moved_to): (GroupId, GroupId),
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* groups::close_group */
         UPDATE groups SET deleted_at = $4, updated_at = $4, moved_to = $3, version = version + 1
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
        moved_to as _,
        now as _,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "/* groups::redirect_moves */
         UPDATE groups SET moved_to = $4 WHERE workspace_id = $1 AND program_id = $2 AND moved_to = $3",
        workspace_id as _,
        program_id as _,
        id as _,
        moved_to as _,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "/* groups::remove_all_default_links */
         UPDATE group_default_links SET removed_at = $3
         WHERE workspace_id = $1 AND group_id = $2 AND removed_at IS NULL",
        workspace_id as _,
        id as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Inserts a group of a program. Returns false when the program has a group with this slug.
pub async fn insert_group(
    conn: &mut PgConnection,
    scope: ProgramScope,
    group: &NewGroup,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* groups::insert_group */
         INSERT INTO groups (workspace_id, id, program_id, slug, name, color, max_partner_links, allowed_hosts,
                             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         ON CONFLICT (workspace_id, program_id, slug) WHERE deleted_at IS NULL DO NOTHING",
        scope.workspace_id as _,
        group.id as _,
        scope.program_id as _,
        group.slug.as_str(),
        group.name,
        group.color as _,
        group.max_partner_links,
        &group.allowed_hosts,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Inserts a default link, which every partner of the group gets from now on.
pub async fn insert_group_default_link(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    group_id: GroupId,
    link: &DefaultLink,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* groups::insert_group_default_link */
         INSERT INTO group_default_links (workspace_id, id, group_id, url, created_at) VALUES ($1, $2, $3, $4, $5)",
        workspace_id as _,
        link.id as _,
        group_id as _,
        link.url,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Finds the group with an id or slug, and locks the group against deletion and changes until the end of the
/// transaction, for a partner who moves to the group.
pub async fn lock_group_shared(
    conn: &mut PgConnection,
    scope: ProgramScope,
    group: &GroupRef,
) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* groups::lock_group_shared */
         SELECT id FROM groups
         WHERE workspace_id = $1 AND program_id = $2 AND deleted_at IS NULL AND (id = $3 OR slug = $4)
         FOR KEY SHARE",
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Writes the progress of following a group's default links, unless the group has changed since. Of two concurrent
/// calls, the further progress counts.
pub async fn update_follow_progress(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
    version: i32,
    last: EnrollmentId,
) -> Result<()> {
    sqlx::query!(
        "/* groups::update_follow_progress */
         UPDATE groups SET follow_after = GREATEST(follow_after, $4)
         WHERE workspace_id = $1 AND id = $2 AND version = $3",
        workspace_id as _,
        id as _,
        version,
        last as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the previous targets of a group's default links, since all links have followed, unless the group has changed
/// since.
pub async fn delete_previous_urls(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
    version: i32,
) -> Result<()> {
    sqlx::query!(
        "/* groups::delete_previous_urls */
         UPDATE group_default_links d SET previous_urls = '{}'
         FROM groups g
         WHERE g.workspace_id = $1 AND g.id = $2 AND g.version = $3
           AND d.workspace_id = $1 AND d.group_id = g.id AND d.previous_urls <> '{}'",
        workspace_id as _,
        id as _,
        version,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the group that the partners of a deleted group move to, and locks that target against deletion until the end
/// of the transaction. Returns `None` while the target is being deleted itself.
pub async fn lock_move_target(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<Option<GroupId>> {
    let target = sqlx::query_scalar!(
        "/* groups::lock_move_target */
         SELECT t.id FROM groups g JOIN groups t ON t.workspace_id = $1 AND t.id = g.moved_to
         WHERE g.workspace_id = $1 AND g.id = $2 AND t.deleted_at IS NULL
         FOR KEY SHARE OF t",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(target)
}
