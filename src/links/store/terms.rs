//! Whom a link is made for, and on what terms.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::groups::AllowedHosts;
use crate::links::model::LinkOwner;
use crate::partners::PartnerRef;
use crate::values::id::{DomainId, PartnerId, ProgramId, WorkspaceId};

/// The partner that a request means, if it is enrolled.
pub(crate) async fn find_partner(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner: &PartnerRef,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_partner */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)",
        workspace_id as _,
        program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The same, and holds off whoever else wants to change the enrollment or its links, until the end of the
/// transaction.
pub(crate) async fn lock_partner(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner: &PartnerRef,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::lock_partner */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         FOR NO KEY UPDATE",
        workspace_id as _,
        program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// What an enrollment and its group say about a link that is made or changed.
#[derive(Debug)]
pub(crate) struct LinkTerms {
    pub(crate) tenant_id: Option<String>,
    pub(crate) email: String,
    pub(crate) name: Option<String>,
    pub(crate) username: Option<String>,
    /// How many links the partner has.
    pub(crate) links: i64,
    /// How many it may have.
    pub(crate) max_links: Option<i32>,
    /// Where they may lead.
    pub(crate) allowed_hosts: AllowedHosts,
    /// Where one leads that names no address.
    pub(crate) default_url: String,
    /// Where one lives that names no domain.
    pub(crate) default_domain_id: DomainId,
}

/// Asked for after the enrollment was locked: then the number of links is right until the end of the transaction.
pub(crate) async fn find_link_terms(conn: &mut PgConnection, owner: LinkOwner) -> Result<Option<LinkTerms>> {
    let row = sqlx::query_as!(
        LinkTerms,
        r#"/* links::find_link_terms */
         SELECT e.tenant_id, q.email, q.name, q.username, g.max_partner_links AS max_links, g.allowed_hosts,
                p.default_domain_id,
                COALESCE((SELECT d.url FROM group_default_links d
                          WHERE d.workspace_id = $1 AND d.group_id = e.group_id AND d.removed_at IS NULL
                          ORDER BY d.id LIMIT 1), p.url) AS "default_url!",
                (SELECT count(*) FROM links l
                 WHERE l.workspace_id = $1 AND l.program_id = e.program_id
                   AND l.partner_id = e.partner_id) AS "links!"
         FROM enrollments e
         JOIN groups g ON g.workspace_id = $1 AND g.id = e.group_id
         JOIN programs p ON p.workspace_id = $1 AND p.id = e.program_id
         JOIN partners q ON q.workspace_id = $1 AND q.id = e.partner_id
         WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3"#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}
