//! Statements on all links of a partner in a program.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::links::model::LinkOwner;

/// Writes the tenant id of an enrollment to the links of that enrollment.
pub async fn update_tenant_id_of_partner_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    tenant_id: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "/* links::update_tenant_id_of_partner_links */
         UPDATE links SET tenant_id = $4 WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3",
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        tenant_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes the links of a partner in a program.
pub async fn delete_partner_links(conn: &mut PgConnection, owner: LinkOwner) -> Result<()> {
    sqlx::query!(
        "/* links::delete_partner_links */
         DELETE FROM links WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3",
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
