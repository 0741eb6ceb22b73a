//! How this dialect finds partners and their links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use std::convert::Infallible;
use std::str::FromStr;

use crate::error::Result;
use crate::links::model::LinkOwner;
use crate::values::id::LinkId;
use crate::values::id::{PartnerId, ProgramId, WorkspaceId};

/// How the Partnero dialect names a partner.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartnerSelector {
    pub(crate) partner_id: Option<PartnerId>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) key_folded: Option<String>,
    pub(crate) email_normalized: Option<String>,
}

/// The enrolled partner that a selector means. Its tenant id, which goes into the link that is made, and the number of
/// its links stay as they are until the end of the transaction. A key may stand on several domains of a program: the
/// one on the default domain counts first, then the oldest.
pub(crate) async fn lock_partner(
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

/// The partner with this id, else the one with this tenant id.
pub(crate) async fn find_partner_id(
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

/// Links of a partner, oldest first.
pub(crate) async fn list_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    limit: i64,
    offset: i64,
) -> Result<Vec<ReferralLinkRow>> {
    let rows = sqlx::query_as!(
        ReferralLinkRow,
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

/// How a path names a partner.
#[derive(Debug, Clone)]
pub struct PartnerName {
    pub(crate) partner_id: Option<PartnerId>,
    pub(crate) tenant_id: Option<String>,
}

impl FromStr for PartnerName {
    type Err = Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Infallible> {
        // What no request can have stored, and PostgreSQL refuses to compare.
        let tenant_id = (!text.contains('\0')).then(|| text.to_owned());
        Ok(Self { partner_id: text.parse().ok(), tenant_id })
    }
}

/// What an answer says of a link.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent columns")]
pub(crate) struct ReferralLinkRow {
    pub(crate) id: LinkId,
    pub(crate) key: String,
    pub(crate) url_prefix: String,
    pub(crate) is_default: bool,
    pub(crate) is_additional: bool,
    pub(crate) direct_tracking: bool,
    pub(crate) direct_tracking_redirect: bool,
    pub(crate) direct_tracking_redirect_url: Option<String>,
}
