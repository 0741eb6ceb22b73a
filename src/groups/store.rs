//! Queries on `groups` and their default links.

use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{DefaultLink, EnrollmentTerms, Group, GroupRef, NewGroup};
use crate::error::Result;
use crate::values::Page;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{GroupDefaultLinkId, GroupId, ProgramId, WorkspaceId};

/// The groups of a program, its default first, then oldest first. What is searched for is a regular expression.
pub(crate) async fn list_groups(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
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

/// One group of a program. To count its partners takes the longer the more there are: not under a lock.
pub(crate) async fn find_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
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

/// The site that a program is about.
pub(crate) async fn find_program_url(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
) -> Result<Option<String>> {
    let url = sqlx::query_scalar!(
        "/* groups::find_program_url */ SELECT url FROM programs WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        program_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(url)
}

/// Holds off whoever else wants to change or delete a group of the program, until the end of the transaction: two
/// groups that are deleted at the same time, each in favour of the other, must not wait for each other.
pub(crate) async fn lock_groups_of_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
) -> Result<Option<GroupId>> {
    let default_group_id = sqlx::query_scalar!(
        "/* groups::lock_groups_of_program */
         SELECT default_group_id FROM programs WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE",
        workspace_id as _,
        program_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(default_group_id)
}

/// Waits for every transaction that is making an enrollment in the group or moving a partner there, and makes those
/// that come later wait for the end of this one.
pub(crate) async fn close_off_group(conn: &mut PgConnection, workspace_id: WorkspaceId, id: GroupId) -> Result<()> {
    sqlx::query!(
        "/* groups::close_off_group */ SELECT FROM groups WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Writes what a group is from now on. If a default link leads elsewhere, the links of all its partners have yet to
/// follow.
pub(crate) async fn update_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    group: &Group,
    leads_elsewhere: bool,
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
        leads_elsewhere,
    )
    .execute(conn)
    .await?;
    Ok(())
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

/// Changes the group of a partner for whom none is named.
pub(crate) async fn update_default_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    id: GroupId,
) -> Result<()> {
    sqlx::query!(
        "/* groups::update_default_group */
         UPDATE programs SET default_group_id = $3 WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        program_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes default links from a group: nobody gets them any more.
pub(crate) async fn remove_default_links(
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

/// Leads a default link elsewhere. Links that were made for it have yet to follow.
pub(crate) async fn update_default_link(
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

/// Deletes a group: no request finds it any more, its partners have yet to go to the other one.
pub(crate) async fn close_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
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

/// A group of a program. False when the program has one with this slug.
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

/// A link that every partner of the group gets from now on.
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

/// What an enrollment gets that is made in this group, or in the program's default group.
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

/// The group with this id or slug, which nobody deletes or changes until the end of the transaction: somebody may be
/// moving into it.
pub async fn hold_group(conn: &mut PgConnection, scope: ProgramScope, group: &GroupRef) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* groups::hold_group */
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

/// The group with this id or slug.
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
