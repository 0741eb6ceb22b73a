//! Queries of referral links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use super::model::{PartnerName, PartnerSelector, ReferralLink};
use crate::error::Result;
use crate::links::model::LinkOwner;
use crate::values::id::{PartnerId, ProgramId, WorkspaceId};

/// Locks the enrollment that a selector means. The partner's tenant id, which the new link gets, and the number of its
/// links then stay the same until the end of the transaction. A key can be in use on several domains of a program: the
/// link on the default domain counts first, then the oldest.
pub(super) async fn lock_partner(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    selector: &PartnerSelector,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::partnero::lock_partner */
         SELECT e.partner_id
         FROM (
             SELECT e.partner_id, 0 AS preference FROM enrollments e
             WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3
             UNION ALL
             SELECT e.partner_id, 1 FROM enrollments e
             WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.tenant_id = $4
             UNION ALL
             (SELECT l.partner_id, 2 FROM domains d
              JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
              JOIN links l ON l.workspace_id = $1 AND l.domain_id = d.id AND l.key_folded = $5
              WHERE d.workspace_id = $1 AND d.program_id = $2
              ORDER BY d.id = p.default_domain_id DESC, l.created_at, l.id LIMIT 1)
             UNION ALL
             SELECT q.id, 3 FROM partners q WHERE q.workspace_id = $1 AND q.email_normalized = $6
         ) found
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = found.partner_id
         ORDER BY found.preference LIMIT 1
         FOR NO KEY UPDATE OF e",
        workspace_id as _,
        program_id as _,
        selector.partner_id as _,
        selector.tenant_id.as_deref(),
        selector.key_folded.as_deref(),
        selector.email_normalized.as_deref(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Finds an enrolled partner by id, else by tenant id.
pub(super) async fn find_partner_id(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    name: &PartnerName,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::partnero::find_partner_id */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         ORDER BY partner_id = $3 DESC LIMIT 1",
        workspace_id as _,
        program_id as _,
        name.partner_id as _,
        name.tenant_id.as_deref(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Lists a page of the links of a partner, oldest first.
pub(super) async fn list_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    limit: i64,
    offset: i64,
) -> Result<Vec<ReferralLink>> {
    let rows = sqlx::query_as!(
        ReferralLink,
        r#"/* links::partnero::list_links */
         SELECT l.id, l.key, d.url_prefix, d.is_additional,
                EXISTS (SELECT FROM group_default_links g
                        WHERE g.workspace_id = $1 AND g.id = l.group_default_link_id
                          AND g.group_id = e.group_id AND g.removed_at IS NULL) AS "is_default!",
                l.direct_tracking, l.direct_tracking_redirect, l.direct_tracking_redirect_url
         FROM links l
         JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = $3
         ORDER BY l.created_at, l.id LIMIT $4 OFFSET $5"#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        limit,
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
