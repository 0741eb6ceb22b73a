//! Taking an invitation back.

use serde_json::json;
use sqlx::PgConnection;

use super::store;
use crate::audit_logs::Action;
use crate::enrollments::lifecycle::{Act, check_invited, log};
use crate::enrollments::model::Status;
use crate::error::{Error, Result};
use crate::id::PartnerId;

/// Removes who is only invited: the enrollment with its links, and the person too if it is in no other program. An
/// invitation that has lapsed is one like any other.
///
/// # Errors
/// 404 when the partner is not enrolled, 400 when it is more than invited.
pub(super) async fn delete(conn: &mut PgConnection, act: &Act, partner_id: PartnerId) -> Result<()> {
    let (workspace_id, program_id) = (act.workspace_id, act.program_id);
    let found = store::lock_for_removal(conn, workspace_id, program_id, partner_id).await?;
    let (enrollment_id, status) = found.ok_or_else(Error::not_enrolled)?;
    check_invited(status)?;
    store::delete_links(conn, workspace_id, program_id, partner_id).await?;
    store::delete_enrollment(conn, workspace_id, enrollment_id).await?;
    // Locked before it is asked for its other enrollments: of two programs that let go of a person at the same time,
    // one sees that the other has.
    store::lock_partner(conn, workspace_id, partner_id).await?;
    store::delete_partner_without_enrollment(conn, workspace_id, partner_id).await?;
    let details = json!({ "from": Status::Invited });
    log(conn, act, act.now(), Action::PartnerInviteDeleted, partner_id, details).await
}
