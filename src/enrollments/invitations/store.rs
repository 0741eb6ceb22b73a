//! Queries that remove who was only invited.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::enrollments::model::Status;
use crate::error::Result;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, ProgramId, WorkspaceId};

/// An enrollment that may be removed.
#[derive(Debug)]
pub(super) struct Removable {
    pub(super) id: EnrollmentId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) status: Status,
}

/// Holds off whoever wants to change the enrollment or to refer to it, until the end of the transaction. (A weaker
/// lock would let a link come in meanwhile, and wait for it at the end.)
pub(super) async fn lock_for_removal(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner_id: PartnerId,
) -> Result<Option<Removable>> {
    let row = sqlx::query_as!(
        Removable,
        "/* enrollments::lock_for_removal */
         SELECT id, group_id, tenant_id, status FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3
         FOR UPDATE",
        workspace_id as _,
        program_id as _,
        partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Removes the links of a partner in a program.
pub(super) async fn delete_links(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner_id: PartnerId,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::delete_links */
         DELETE FROM links WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3",
        workspace_id as _,
        program_id as _,
        partner_id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a locked enrollment that has no links any more.
pub(super) async fn delete_enrollment(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::delete_enrollment */ DELETE FROM enrollments WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds off whoever wants to enroll the partner, until the end of the transaction.
pub(super) async fn lock_partner(conn: &mut PgConnection, workspace_id: WorkspaceId, id: PartnerId) -> Result<()> {
    sqlx::query!(
        "/* enrollments::lock_partner */ SELECT id FROM partners WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Removes a locked partner, unless it is enrolled in a program.
pub(super) async fn delete_partner_without_enrollment(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: PartnerId,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::delete_partner_without_enrollment */
         DELETE FROM partners p
         WHERE p.workspace_id = $1 AND p.id = $2
           AND NOT EXISTS (SELECT FROM enrollments e WHERE e.workspace_id = $1 AND e.partner_id = $2)",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
