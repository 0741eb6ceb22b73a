//! Queries on the partners of a group that is changed or deleted, and on their links.

use sqlx::PgConnection;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{EnrollmentId, GroupId, PartnerId, ProgramId, WorkspaceId};
use crate::programs::GroupRef;

/// An enrollment in a group.
pub(super) struct Member {
    pub(super) id: EnrollmentId,
    pub(super) partner_id: PartnerId,
}

/// The version of a group with default links that others have yet to follow.
pub(super) async fn find_version_to_follow(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<Option<i32>> {
    let version = sqlx::query_scalar!(
        "/* groups::find_version_to_follow */
         SELECT version FROM groups g
         WHERE workspace_id = $1 AND id = $2 AND EXISTS (
             SELECT FROM group_default_links d
             WHERE d.workspace_id = $1 AND d.group_id = g.id AND d.removed_at IS NULL AND d.previous_urls <> '{}')",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(version)
}

/// Notes that all links have followed, unless the group has changed since.
pub(super) async fn forget_previous_urls(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
    version: i32,
) -> Result<()> {
    sqlx::query!(
        "/* groups::forget_previous_urls */
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

/// Locks some of the enrollments in a group that have a link which has yet to follow, those behind `after` in the
/// order of their ids.
pub(super) async fn lock_followers(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group_id: GroupId,
    after: Option<EnrollmentId>,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows = sqlx::query_as!(
        Member,
        "/* groups::lock_followers */
         SELECT e.id, e.partner_id FROM enrollments e
         WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.group_id = $3 AND ($4::uuid IS NULL OR e.id > $4)
           AND EXISTS (
               SELECT FROM group_default_links d
               JOIN links l ON l.workspace_id = d.workspace_id AND l.program_id = $2 AND l.partner_id = e.partner_id
                           AND l.group_default_link_id = d.id AND l.url = ANY (d.previous_urls)
               WHERE d.workspace_id = $1 AND d.group_id = $3 AND d.removed_at IS NULL)
         ORDER BY e.id LIMIT $5
         FOR NO KEY UPDATE OF e",
        workspace_id as _,
        program_id as _,
        group_id as _,
        after as _,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Leads the links of these partners where the default links lead that they were made for.
pub(super) async fn update_following_links(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group_id: GroupId,
    partners: &[PartnerId],
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* groups::update_following_links */
         UPDATE links l SET url = d.url, updated_at = $5
         FROM group_default_links d
         WHERE d.workspace_id = $1 AND d.group_id = $3 AND d.removed_at IS NULL
           AND l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = ANY ($4)
           AND l.group_default_link_id = d.id AND l.url = ANY (d.previous_urls)",
        workspace_id as _,
        program_id as _,
        group_id as _,
        partners as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A group that was deleted and still has partners; of several with one slug, the last.
pub(super) async fn find_closed_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: &GroupRef,
) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* groups::find_closed_group */
         SELECT g.id FROM groups g
         WHERE g.workspace_id = $1 AND g.program_id = $2 AND (g.id = $3 OR g.slug = $4) AND g.deleted_at IS NOT NULL
           AND EXISTS (SELECT FROM enrollments e
                       WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.group_id = g.id)
         ORDER BY g.deleted_at DESC, g.id DESC LIMIT 1",
        workspace_id as _,
        program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Where the partners of a deleted group go; that group stays until the end of the transaction. `None` when it is
/// just being deleted itself.
pub(super) async fn lock_move_target(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<Option<GroupId>> {
    let target = sqlx::query_scalar!(
        "/* groups::lock_move_target */
         SELECT t.id FROM groups g JOIN groups t ON t.workspace_id = g.workspace_id AND t.id = g.moved_to
         WHERE g.workspace_id = $1 AND g.id = $2 AND t.deleted_at IS NULL
         FOR KEY SHARE OF t",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(target)
}

/// Moves some of the partners of a group to another one; how many.
pub(super) async fn move_partners(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    (from, to): (GroupId, GroupId),
    limit: i64,
) -> Result<u64> {
    let done = sqlx::query!(
        "/* groups::move_partners */
         WITH batch AS MATERIALIZED (
             SELECT id FROM enrollments
             WHERE workspace_id = $1 AND program_id = $2 AND group_id = $3
             ORDER BY id LIMIT $5 FOR NO KEY UPDATE
         )
         UPDATE enrollments e SET group_id = $4 FROM batch WHERE e.workspace_id = $1 AND e.id = batch.id",
        workspace_id as _,
        program_id as _,
        from as _,
        to as _,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
