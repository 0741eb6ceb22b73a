//! The partner of a new link, and the terms on which a partner can have links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::groups::AllowedHosts;
use crate::links::model::LinkOwner;
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::id::{DomainId, PartnerId};

/// Finds the enrolled partner that a reference means.
pub(in crate::links) async fn find_partner(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner: &PartnerRef,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_partner */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)",
        scope.workspace_id as _,
        scope.program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Finds the enrolled partner that a reference means, and locks the enrollment: no other transaction changes the
/// enrollment or its links before the end of this transaction.
pub(in crate::links) async fn lock_partner(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner: &PartnerRef,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::lock_partner */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         FOR NO KEY UPDATE",
        scope.workspace_id as _,
        scope.program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// The terms that an enrollment and its group set for a new or changed link.
#[derive(Debug)]
pub(in crate::links) struct LinkTerms {
    pub(in crate::links) tenant_id: Option<String>,
    pub(in crate::links) email: String,
    pub(in crate::links) name: Option<String>,
    pub(in crate::links) username: Option<String>,
    /// The number of the partner's links.
    pub(in crate::links) links: i64,
    /// The maximum number of the partner's links.
    pub(in crate::links) max_links: Option<i32>,
    /// The hosts of allowed targets.
    pub(in crate::links) allowed_hosts: AllowedHosts,
    /// The target of a link for which the request names none.
    pub(in crate::links) default_url: String,
    /// The domain of a link for which the request names none.
    pub(in crate::links) default_domain_id: DomainId,
}

/// Returns the terms for links of a partner. The caller locks the enrollment first, so that the number of links is
/// exact until the end of the transaction.
pub(in crate::links) async fn find_link_terms(conn: &mut PgConnection, owner: LinkOwner) -> Result<Option<LinkTerms>> {
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
