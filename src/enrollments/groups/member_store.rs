//! Queries on the partners of a group that is changed or deleted, and on their links.

use sqlx::PgConnection;

use crate::error::Result;
use crate::groups::GroupRef;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, ProgramId, WorkspaceId};

/// An enrollment in a group.
pub(super) struct Member {
    pub(super) id: EnrollmentId,
    pub(super) partner_id: PartnerId,
}

/// How far the links of a group's partners have followed its default links.
pub(super) struct Progress {
    /// Of the group.
    pub(super) version: i32,
    /// Up to this enrollment; none: from the first one on.
    pub(super) follow_after: Option<EnrollmentId>,
}

/// `None` when nothing has yet to follow.
pub(super) async fn find_progress(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<Option<Progress>> {
    let progress = sqlx::query_as!(
        Progress,
        r#"/* groups::find_progress */
         SELECT version, follow_after AS "follow_after: _" FROM groups g
         WHERE workspace_id = $1 AND id = $2 AND EXISTS (
             SELECT FROM group_default_links d
             WHERE d.workspace_id = $1 AND d.group_id = g.id AND d.removed_at IS NULL AND d.previous_urls <> '{}')"#,
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(progress)
}

/// Notes how far the links have followed, unless the group has changed since. Two calls may be at it: the further one
/// counts.
pub(super) async fn note_progress(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
    version: i32,
    last: EnrollmentId,
) -> Result<()> {
    sqlx::query!(
        "/* groups::note_progress */
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

/// Locks the next enrollments in a group, in the order of their ids. Which of them have a link that has yet to follow is
/// not asked: to look for some in a big group of which most have followed would take longer than a statement may.
pub(super) async fn lock_members(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group_id: GroupId,
    after: Option<EnrollmentId>,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows = sqlx::query_as!(
        Member,
        "/* groups::lock_members */
         SELECT id, partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND group_id = $3
           AND id > COALESCE($4, '00000000-0000-0000-0000-000000000000'::uuid)
         ORDER BY id LIMIT $5
         FOR NO KEY UPDATE",
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

/// A group that was deleted and still has partners.
pub(super) struct ClosedGroup {
    pub(super) id: GroupId,
    /// Where they go.
    pub(super) moved_to: Option<GroupId>,
}

/// A group that was deleted and still has partners; of several with one slug, the last.
pub(super) async fn find_closed_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: &GroupRef,
) -> Result<Option<ClosedGroup>> {
    let (id, slug) = group.parts();
    let row = sqlx::query_as!(
        ClosedGroup,
        r#"/* groups::find_closed_group */
         SELECT g.id, g.moved_to AS "moved_to: _" FROM groups g
         WHERE g.workspace_id = $1 AND g.program_id = $2 AND (g.id = $3 OR g.slug = $4) AND g.deleted_at IS NOT NULL
           AND EXISTS (SELECT FROM enrollments e
                       WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.group_id = g.id)
         ORDER BY g.deleted_at DESC, g.id DESC LIMIT 1"#,
        workspace_id as _,
        program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
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
