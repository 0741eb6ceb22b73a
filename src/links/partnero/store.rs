//! How this dialect finds partners and their links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::id::{PartnerId, ProgramId, WorkspaceId};

/// A partner that a link is to be made for.
#[derive(Debug)]
pub(super) struct LinkRecipient {
    pub(super) partner_id: PartnerId,
    pub(super) tenant_id: Option<String>,
}

/// How the Partnero dialect names a partner.
#[derive(Debug, Clone, Default)]
pub(super) struct PartnerSelector {
    pub(super) partner_id: Option<PartnerId>,
    pub(super) tenant_id: Option<String>,
    pub(super) key_folded: Option<String>,
    pub(super) email_normalized: Option<String>,
}

/// The enrolled partner that a selector means. Its tenant id, which goes into the link that is made, and the number of
/// its links stay as they are until the end of the transaction. A key may stand on several domains of a program: the
/// one on the default domain counts first, then the oldest.
pub(super) async fn lock_partner(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    selector: &PartnerSelector,
) -> Result<Option<LinkRecipient>> {
    let row = sqlx::query_as!(
        LinkRecipient,
        r#"/* links::partnero::lock_partner */
         SELECT e.partner_id, e.tenant_id
         FROM (
             SELECT e.partner_id, 0 AS preference FROM enrollments e
             WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3
             UNION ALL
             SELECT e.partner_id, 1 FROM enrollments e
             WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.tenant_id = $4
             UNION ALL
             (SELECT l.partner_id, 2 FROM domains d
              JOIN programs p ON p.workspace_id = d.workspace_id AND p.id = d.program_id
              JOIN links l ON l.workspace_id = d.workspace_id AND l.domain_id = d.id AND l.key_folded = $5
              WHERE d.workspace_id = $1 AND d.program_id = $2
              ORDER BY d.id = p.default_domain_id DESC, l.created_at, l.id LIMIT 1)
             UNION ALL
             SELECT q.id, 3 FROM partners q WHERE q.workspace_id = $1 AND q.email_normalized = $6
         ) found
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = found.partner_id
         ORDER BY found.preference LIMIT 1
         FOR NO KEY UPDATE OF e"#,
        workspace_id as _,
        program_id as _,
        selector.partner_id as _,
        selector.tenant_id.as_deref(),
        selector.key_folded.as_deref(),
        selector.email_normalized.as_deref(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}
