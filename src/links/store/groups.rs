//! The statement by which links follow the default link that they were created for.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{GroupId, PartnerId};

/// Points links of these partners to the present targets of the default links that the links were created for. Only
/// links that point to a previous target of the default link change.
pub async fn follow_default_links(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    group_id: GroupId,
    partners: &[PartnerId],
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "/* links::follow_default_links */
         UPDATE links l SET url = d.url, updated_at = $5
         FROM group_default_links d
         WHERE d.workspace_id = $1 AND d.group_id = $3 AND d.removed_at IS NULL
           AND l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = ANY ($4)
           AND l.group_default_link_id = d.id AND l.url = ANY (d.previous_urls)",
        workspace_id as _,
        program_id as _,
        group_id as _,
        partners as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
