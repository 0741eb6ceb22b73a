//! Statements of the referral links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{PartnerName, PartnerSelector, ReferralLink};
use crate::error::Result;
use crate::links::model::LinkOwner;
use crate::values::id::PartnerId;
use crate::values::{Page, ProgramScope};

/// Locks the enrollment that a selector means. The tenant id of the partner, which the new link gets, and the number of
/// the partner's links then stay the same until the end of the transaction. A key on several domains of a program means
/// the link on the default domain, else the oldest link.
pub(super) async fn lock_selected_partner(
    conn: &mut PgConnection,
    scope: ProgramScope,
    selector: &PartnerSelector,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::lock_selected_partner */
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
        scope.workspace_id as _,
        scope.program_id as _,
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
pub(super) async fn find_named_partner(
    conn: &mut PgConnection,
    scope: ProgramScope,
    name: &PartnerName,
) -> Result<Option<PartnerId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_named_partner */
         SELECT partner_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         ORDER BY partner_id = $3 DESC LIMIT 1",
        scope.workspace_id as _,
        scope.program_id as _,
        name.partner_id as _,
        name.tenant_id.as_deref(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Lists a page of the links of a partner, oldest first.
pub(super) async fn list_referral_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    page: Page,
) -> Result<Vec<ReferralLink>> {
    let rows = sqlx::query!(
        r#"/* links::list_referral_links */
         SELECT l.id, l.key, d.url_prefix, d.is_additional,
                EXISTS (SELECT FROM group_default_links g
                        WHERE g.workspace_id = $1 AND g.id = l.group_default_link_id
                          AND g.group_id = e.group_id AND g.removed_at IS NULL) AS "is_default!",
                l.settings
         FROM links l
         JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = $3
         ORDER BY l.created_at, l.id LIMIT $4 OFFSET $5"#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        page.limit,
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    let links = rows.into_iter().map(|row| ReferralLink {
        id: row.id,
        key: row.key,
        url_prefix: row.url_prefix,
        is_default: row.is_default,
        is_additional: row.is_additional,
        settings: row.settings.0,
    });
    Ok(links.collect())
}
