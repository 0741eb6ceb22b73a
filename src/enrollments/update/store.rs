//! Queries that change an enrollment.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::partners::Metadata;
use crate::values::ProgramScope;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, WorkspaceId};

/// The members of an enrollment that can be changed. The enrollment is locked until the end of the transaction.
#[derive(Debug)]
pub(super) struct LockedEnrollment {
    pub(super) id: EnrollmentId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) metadata: Json<Metadata>,
}

/// Finds the enrollment of a partner, and locks the enrollment against every other change until the end of the
/// transaction.
pub(super) async fn lock_enrollment(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    partner_id: PartnerId,
) -> Result<Option<LockedEnrollment>> {
    let row = sqlx::query_as!(
        LockedEnrollment,
        r#"/* enrollments::lock_enrollment */
         SELECT id, group_id, tenant_id, metadata AS "metadata: Json<Metadata>"
         FROM enrollments WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3
         FOR NO KEY UPDATE"#,
        workspace_id as _,
        program_id as _,
        partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Writes a locked enrollment.
pub(super) async fn update_enrollment(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    enrollment: &LockedEnrollment,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::update_enrollment */
         UPDATE enrollments SET group_id = $3, tenant_id = $4, metadata = $5 WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        enrollment.id as _,
        enrollment.group_id as _,
        enrollment.tenant_id.as_deref(),
        &enrollment.metadata as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns whether an enrollment of the program has this tenant id.
pub(super) async fn tenant_id_exists(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    tenant_id: &str,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"/* enrollments::tenant_id_exists */
         SELECT EXISTS (
             SELECT FROM enrollments WHERE workspace_id = $1 AND program_id = $2 AND tenant_id = $3
         ) AS "exists!""#,
        workspace_id as _,
        program_id as _,
        tenant_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}
