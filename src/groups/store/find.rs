//! Queries that read `groups` and `group_default_links`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::groups::model::{DefaultLink, EnrollmentTerms, Group, GroupRef};
use crate::values::id::{EnrollmentId, GroupId, WorkspaceId};
use crate::values::{Page, ProgramScope};

/// Lists a page of the groups of a program, the default group first, then oldest first. `search` is a regular
/// expression.
pub(in crate::groups) async fn list_groups(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    search: Option<&str>,
    page: Page,
) -> Result<Vec<Group>> {
    let rows = sqlx::query_as!(
        Group,
        r#"/* groups::list_groups */
         SELECT g.id, g.program_id, g.name, g.slug, g.color AS "color: _", g.id = p.default_group_id AS "is_default!",
                (SELECT COALESCE(json_agg(json_build_object('id', l.id, 'url', l.url) ORDER BY l.id), '[]')
                 FROM group_default_links l
                 WHERE l.workspace_id = $1 AND l.group_id = g.id AND l.removed_at IS NULL)
                    AS "default_links!: Json<Vec<DefaultLink>>",
                g.max_partner_links, g.allowed_hosts,
                (SELECT count(*) FROM enrollments e
                 WHERE e.workspace_id = $1 AND e.program_id = g.program_id AND e.group_id = g.id)
                    AS partners_count,
                g.created_at, g.updated_at
         FROM programs p
         JOIN groups g ON g.workspace_id = $1 AND g.program_id = p.id AND g.deleted_at IS NULL
         WHERE p.workspace_id = $1 AND p.id = $2
           AND ($3::text IS NULL OR g.name ~ $3 OR g.slug ~ $3)
         ORDER BY g.id = p.default_group_id DESC, g.created_at, g.id
         LIMIT $4 OFFSET $5"#,
        workspace_id as _,
        program_id as _,
        search,
        page.limit,
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Finds a group of a program. The count of the partners is slow in a big group, so callers must not count while they
/// hold a lock.
pub(in crate::groups) async fn find_group(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    group: &GroupRef,
    with_count: bool,
) -> Result<Option<Group>> {
    let (id, slug) = group.parts();
    let row = sqlx::query_as!(
        Group,
        r#"/* groups::find_group */
         SELECT g.id, g.program_id, g.name, g.slug, g.color AS "color: _", g.id = p.default_group_id AS "is_default!",
                (SELECT COALESCE(json_agg(json_build_object('id', l.id, 'url', l.url) ORDER BY l.id), '[]')
                 FROM group_default_links l
                 WHERE l.workspace_id = $1 AND l.group_id = g.id AND l.removed_at IS NULL)
                    AS "default_links!: Json<Vec<DefaultLink>>",
                g.max_partner_links, g.allowed_hosts,
                CASE WHEN $5 THEN (
                    SELECT count(*) FROM enrollments e
                    WHERE e.workspace_id = $1 AND e.program_id = g.program_id AND e.group_id = g.id)
                END AS partners_count,
                g.created_at, g.updated_at
         FROM groups g JOIN programs p ON p.workspace_id = $1 AND p.id = g.program_id
         WHERE g.workspace_id = $1 AND g.program_id = $2 AND (g.id = $3 OR g.slug = $4) AND g.deleted_at IS NULL"#,
        workspace_id as _,
        program_id as _,
        id as _,
        slug,
        with_count,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Lists the groups of a program with a default link to this URL.
pub async fn list_groups_with_default_link_to(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    url: &str,
) -> Result<Vec<GroupId>> {
    let ids = sqlx::query_scalar!(
        "/* groups::list_groups_with_default_link_to */
         SELECT g.id FROM groups g
         WHERE g.workspace_id = $1 AND g.program_id = $2 AND g.deleted_at IS NULL AND EXISTS (
             SELECT FROM group_default_links l
             WHERE l.workspace_id = $1 AND l.group_id = g.id AND l.removed_at IS NULL AND l.url = $3)
         ORDER BY g.id",
        workspace_id as _,
        program_id as _,
        url,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Finds the settings of a new enrollment in a group, or in the program's default group when `group` is `None`.
pub async fn find_enrollment_terms(
    conn: &mut PgConnection,
    scope: ProgramScope,
    group: Option<&GroupRef>,
) -> Result<Option<EnrollmentTerms>> {
    let (id, slug) = group.map(GroupRef::parts).unwrap_or_default();
    let row = sqlx::query!(
        r#"/* groups::find_enrollment_terms */
         SELECT p.access_mode, p.token_lifetime_seconds, p.default_domain_id, g.id AS group_id,
                g.version AS group_version,
                (SELECT COALESCE(json_agg(json_build_object('id', l.id, 'url', l.url) ORDER BY l.id), '[]')
                 FROM group_default_links l
                 WHERE l.workspace_id = $1 AND l.group_id = g.id AND l.removed_at IS NULL)
                    AS "default_links!: Json<Vec<DefaultLink>>"
         FROM programs p
         JOIN groups g ON g.workspace_id = $1 AND g.program_id = p.id AND g.deleted_at IS NULL
                      AND (g.slug = $4 OR $4 IS NULL AND g.id = COALESCE($3, p.default_group_id))
         WHERE p.workspace_id = $1 AND p.id = $2"#,
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| EnrollmentTerms {
        access_mode: row.access_mode,
        token_lifetime_seconds: row.token_lifetime_seconds,
        group_id: row.group_id,
        group_version: row.group_version,
        domain_id: row.default_domain_id,
        default_links: row.default_links.0,
    }))
}

/// Finds the id of the group with an id or slug.
pub async fn find_group_id(conn: &mut PgConnection, scope: ProgramScope, group: &GroupRef) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* groups::find_group_id */
         SELECT id FROM groups
         WHERE workspace_id = $1 AND program_id = $2 AND deleted_at IS NULL AND (id = $3 OR slug = $4)",
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The progress of the links of a group's partners in following the group's default links.
pub struct FollowProgress {
    /// The version of the group.
    pub version: i32,
    /// The last enrollment whose links have followed; `None` before the first.
    pub follow_after: Option<EnrollmentId>,
}

/// Finds the progress of following a group's default links. Returns `None` when no link has to follow.
pub async fn find_follow_progress(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: GroupId,
) -> Result<Option<FollowProgress>> {
    let progress = sqlx::query_as!(
        FollowProgress,
        r#"/* groups::find_follow_progress */
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
