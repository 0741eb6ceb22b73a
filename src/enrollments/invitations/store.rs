//! Queries that delete the enrollments of invited partners.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use crate::enrollments::model::Status;
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, WorkspaceId};

/// An enrollment that is locked for its deletion.
#[derive(Debug)]
pub(super) struct LockedInvitation {
    pub(super) id: EnrollmentId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) status: Status,
}

/// Finds an enrollment, and locks the enrollment against every change and every new reference until the end of the
/// transaction. With a weaker lock, another transaction could insert a link between the lock and the deletion, and the
/// deletion would wait for that transaction.
pub(super) async fn lock_for_deletion(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    partner_id: PartnerId,
) -> Result<Option<LockedInvitation>> {
    let row = sqlx::query_as!(
        LockedInvitation,
        "/* enrollments::lock_for_deletion */
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

/// Deletes a locked enrollment without links.
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
