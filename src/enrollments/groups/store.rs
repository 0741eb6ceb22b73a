//! Queries on the enrollments in a group.

use sqlx::PgConnection;

use crate::error::Result;
use crate::groups::GroupRef;
use crate::values::ProgramScope;
use crate::values::id::{EnrollmentId, GroupId, PartnerId};

/// A locked enrollment in a group.
pub(super) struct Member {
    pub(super) id: EnrollmentId,
    pub(super) partner_id: PartnerId,
}

/// Locks the next enrollments in a group, in the order of their ids. The statement does not look for enrollments with a
/// link that has to follow: in a big group where most have followed, that search would exceed the time limit of a
/// statement.
pub(super) async fn lock_members(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    group_id: GroupId,
    after: Option<EnrollmentId>,
    limit: i64,
) -> Result<Vec<Member>> {
    let rows = sqlx::query_as!(
        Member,
        "/* enrollments::lock_members */
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

/// A deleted group that still has partners.
pub(super) struct ClosedGroup {
    pub(super) id: GroupId,
    /// The group that the partners move to.
    pub(super) moved_to: Option<GroupId>,
}

/// Finds a deleted group that still has partners. Of several groups with the slug, the last deleted one is meant.
pub(super) async fn find_closed_group(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    group: &GroupRef,
) -> Result<Option<ClosedGroup>> {
    let (id, slug) = group.parts();
    let row = sqlx::query_as!(
        ClosedGroup,
        r#"/* enrollments::find_closed_group */
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

/// Moves at most `limit` partners of a group to another group. Returns the number of moved partners.
pub(super) async fn move_partners(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    (from, to): (GroupId, GroupId),
    limit: i64,
) -> Result<u64> {
    let done = sqlx::query!(
        "/* enrollments::move_partners */
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
