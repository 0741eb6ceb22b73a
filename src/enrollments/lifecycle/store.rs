//! Queries of transitions on `enrollments`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::BanReason;
use crate::enrollments::model::Status;
use crate::error::Result;
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApplicationId, EnrollmentId, GroupId, PartnerId, WorkspaceId};

/// An enrollment that is locked until the end of the transaction.
#[derive(Debug)]
pub(in crate::enrollments) struct LockedEnrollment {
    pub(in crate::enrollments) id: EnrollmentId,
    pub(in crate::enrollments) partner_id: PartnerId,
    pub(in crate::enrollments) group_id: GroupId,
    pub(in crate::enrollments) tenant_id: Option<String>,
    pub(in crate::enrollments) status: Status,
    /// The status before the ban.
    pub(in crate::enrollments) banned_from: Option<Status>,
    pub(in crate::enrollments) application_id: Option<ApplicationId>,
}

/// Finds an enrollment and locks the enrollment against every other change until the end of the transaction.
pub(super) async fn lock_enrollment(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    partner: &PartnerRef,
) -> Result<Option<LockedEnrollment>> {
    let row = sqlx::query_as!(
        LockedEnrollment,
        "/* enrollments::lock_enrollment */
         SELECT id, partner_id, group_id, tenant_id, status, banned_from, application_id FROM enrollments
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         FOR NO KEY UPDATE",
        workspace_id as _,
        program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Writes the status of a locked enrollment. The data of an invitation and of a ban are deleted together with the
/// status that they belong to; a ban keeps the status before the ban for the unban.
pub(super) async fn update_status(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
    status: Status,
    revokes_tokens: bool,
    ban: Option<(Timestamp, BanReason)>,
) -> Result<()> {
    let (banned_at, banned_reason) = ban.unzip();
    sqlx::query!(
        "/* enrollments::update_status */
         UPDATE enrollments
         SET status = $3, token_epoch = token_epoch + $4::boolean::integer, banned_at = $5, banned_reason = $6,
             banned_from = CASE WHEN $3 = 'banned' THEN status END,
             invite_expires_at = CASE WHEN $3 IN ('banned', 'invited') THEN invite_expires_at END
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
        status as _,
        revokes_tokens,
        banned_at as _,
        banned_reason.map(BanReason::as_str),
    )
    .execute(conn)
    .await?;
    Ok(())
}
