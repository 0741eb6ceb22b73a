//! Queries on `programs`, `groups`, `group_default_links`, `domains` and `link_hosts`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use super::address::LinkAddress;
use super::model::{DefaultLink, Domain, EnrollmentTerms, NewGroup, ProgramChanges, ProgramSummary, TokenLifetime};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{DomainId, GroupId, ProgramId, WorkspaceId};
use crate::programs::{AccessMode, GroupRef};

/// A program whose default group and domain follow in the same transaction.
pub(super) async fn insert_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program: &super::service::NewProgram,
    defaults: (GroupId, DomainId),
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* programs::insert_program */
         INSERT INTO programs (workspace_id, id, name, url, access_mode, token_lifetime_seconds,
                               default_group_id, default_domain_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        workspace_id as _,
        program.id as _,
        program.name,
        program.url,
        program.access_mode as _,
        TokenLifetime::DEFAULT.seconds(),
        defaults.0 as _,
        defaults.1 as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A group of a program. False when the program has one with this slug.
pub async fn insert_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: &NewGroup,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* programs::insert_group */
         INSERT INTO groups (workspace_id, id, program_id, slug, name, color, max_partner_links, allowed_hosts,
                             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         ON CONFLICT (workspace_id, program_id, slug) WHERE deleted_at IS NULL DO NOTHING",
        workspace_id as _,
        group.id as _,
        program_id as _,
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
        "/* programs::insert_group_default_link */
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

/// A domain; a host that Pearset serves is bound to the workspace.
pub async fn insert_domain(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    domain: (DomainId, &LinkAddress, bool),
    now: Timestamp,
) -> Result<()> {
    let (id, address, is_additional) = domain;
    sqlx::query!(
        "/* programs::insert_domain */
         INSERT INTO domains (workspace_id, id, program_id, host, url_prefix, is_additional, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        workspace_id as _,
        id as _,
        program_id as _,
        address.host(),
        address.url_prefix(),
        is_additional,
        now as _,
    )
    .execute(&mut *conn)
    .await?;
    if let LinkAddress::Served { host, .. } = address {
        sqlx::query!(
            "/* programs::insert_link_host */
             INSERT INTO link_hosts (host, workspace_id, domain_id) VALUES ($1, $2, $3)",
            host.as_str(),
            workspace_id as _,
            id as _,
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// The domains of a program, its default first, then oldest first.
pub async fn list_domains(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    limit: i64,
    offset: i64,
) -> Result<Vec<Domain>> {
    let rows = sqlx::query_as!(
        Domain,
        r#"/* programs::list_domains */
         SELECT d.id, d.program_id, d.host, d.url_prefix, d.is_additional, d.id = p.default_domain_id AS "is_default!"
         FROM domains d JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
         WHERE d.workspace_id = $1 AND d.program_id = $2
         ORDER BY d.id = p.default_domain_id DESC, d.id
         LIMIT $3 OFFSET $4"#,
        workspace_id as _,
        program_id as _,
        limit,
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// One domain of a program; `None` as id means the program's default.
pub async fn find_domain(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    id: Option<DomainId>,
) -> Result<Option<Domain>> {
    let row = sqlx::query_as!(
        Domain,
        r#"/* programs::find_domain */
         SELECT d.id, d.program_id, d.host, d.url_prefix, d.is_additional, d.id = p.default_domain_id AS "is_default!"
         FROM programs p
         JOIN domains d ON d.workspace_id = $1 AND d.program_id = p.id
                       AND d.id = COALESCE($3, p.default_domain_id)
         WHERE p.workspace_id = $1 AND p.id = $2"#,
        workspace_id as _,
        program_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// The domain of a program on this host: its default one, else the oldest.
pub async fn find_domain_by_host(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    host: &str,
) -> Result<Option<DomainId>> {
    let id = sqlx::query_scalar!(
        "/* programs::find_domain_by_host */
         SELECT d.id FROM domains d JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
         WHERE d.workspace_id = $1 AND d.program_id = $2 AND d.host = $3
         ORDER BY d.id = p.default_domain_id DESC, d.id LIMIT 1",
        workspace_id as _,
        program_id as _,
        host,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// What an enrollment gets that is made in this group, or in the program's default group.
pub async fn find_enrollment_terms(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: Option<&GroupRef>,
) -> Result<Option<EnrollmentTerms>> {
    let (id, slug) = group.map(GroupRef::parts).unwrap_or_default();
    let row = sqlx::query!(
        r#"/* programs::find_enrollment_terms */
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
        workspace_id as _,
        program_id as _,
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

/// The programs of a workspace, oldest first.
pub async fn list_programs(conn: &mut PgConnection, workspace_id: WorkspaceId) -> Result<Vec<ProgramSummary>> {
    let rows = sqlx::query_as!(
        ProgramSummary,
        r#"/* programs::list_programs */
         SELECT id, name, url, COALESCE(portal_url, url) AS "portal_url!", access_mode, token_lifetime_seconds,
                default_group_id, default_domain_id, deactivated_at, created_at
         FROM programs WHERE workspace_id = $1 ORDER BY created_at, id"#,
        workspace_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The workspace of a program, for the command line, where a program is named by its id alone.
pub async fn find_workspace_of_program(conn: &mut PgConnection, id: ProgramId) -> Result<Option<WorkspaceId>> {
    let workspace_id = sqlx::query_scalar!(
        r#"/* programs::find_workspace_of_program */
         SELECT find_workspace_of_program($1) AS "workspace_id: WorkspaceId""#,
        id as _
    )
    .fetch_one(conn)
    .await?;
    Ok(workspace_id)
}

/// The site of a program, which nobody else changes until the end of the transaction.
pub(super) async fn lock_program_url(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: ProgramId,
) -> Result<Option<String>> {
    let url = sqlx::query_scalar!(
        "/* programs::lock_program_url */
         SELECT url FROM programs WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(url)
}

/// Changes a program that is there.
pub(super) async fn update_program(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: ProgramId,
    changes: &ProgramChanges,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* programs::update_program */
         UPDATE programs
         SET name = COALESCE($3, name), url = COALESCE($4, url), access_mode = COALESCE($5, access_mode),
             token_lifetime_seconds = COALESCE($6, token_lifetime_seconds),
             default_domain_id = COALESCE($7, default_domain_id), portal_url = COALESCE($8, portal_url),
             deactivated_at = CASE WHEN $9 THEN NULL WHEN NOT $9 THEN COALESCE(deactivated_at, $10)
                                   ELSE deactivated_at END
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
        changes.name.as_deref(),
        changes.url.as_deref(),
        changes.access_mode as Option<AccessMode>,
        changes.token_lifetime.map(TokenLifetime::seconds),
        changes.default_domain_id as Option<DomainId>,
        changes.portal_url.as_deref(),
        changes.active,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The program with this id, or the workspace's default one.
pub async fn find_program_id(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: Option<ProgramId>,
) -> Result<Option<ProgramId>> {
    let id = sqlx::query_scalar!(
        "/* programs::find_program_id */
         SELECT p.id FROM workspaces w
         JOIN programs p ON p.workspace_id = $1 AND p.id = COALESCE($2, w.default_program_id)
         WHERE w.id = $1",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Whether the workspace has this program, and it is active.
pub async fn is_active(conn: &mut PgConnection, workspace_id: WorkspaceId, id: ProgramId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"/* programs::is_active */
         SELECT EXISTS (
             SELECT FROM programs WHERE workspace_id = $1 AND id = $2 AND deactivated_at IS NULL
         ) AS "exists!""#,
        workspace_id as _,
        id as _,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// The group with this id or slug, which nobody deletes or changes until the end of the transaction: somebody may be
/// moving into it.
pub async fn hold_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: &GroupRef,
) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* programs::hold_group */
         SELECT id FROM groups
         WHERE workspace_id = $1 AND program_id = $2 AND deleted_at IS NULL AND (id = $3 OR slug = $4)
         FOR KEY SHARE",
        workspace_id as _,
        program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The group with this id or slug.
pub async fn find_group_id(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    group: &GroupRef,
) -> Result<Option<GroupId>> {
    let (id, slug) = group.parts();
    let id = sqlx::query_scalar!(
        "/* programs::find_group_id */
         SELECT id FROM groups
         WHERE workspace_id = $1 AND program_id = $2 AND deleted_at IS NULL AND (id = $3 OR slug = $4)",
        workspace_id as _,
        program_id as _,
        id as _,
        slug,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}
