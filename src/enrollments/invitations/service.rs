//! Taking an invitation back.

use serde_json::json;
use sqlx::PgConnection;

use super::store;
use crate::audit_logs::Action;
use crate::enrollments::event::EnrollmentEvent;
use crate::enrollments::lifecycle::{Act, check_invited, log};
use crate::error::{Error, Result};
use crate::outbox::{self, Event, EventName};
use crate::values::id::PartnerId;

/// Removes who is only invited: the enrollment with its links, and the person too if it is in no other program. An
/// invitation that has lapsed is one like any other.
///
/// # Errors
/// 404 when the partner is not enrolled, 400 when it is more than invited.
pub(super) async fn delete(conn: &mut PgConnection, act: &Act, partner_id: PartnerId) -> Result<()> {
    let (workspace_id, program_id) = (act.workspace_id, act.program_id);
    let found = store::lock_for_removal(conn, workspace_id, program_id, partner_id).await?;
    let found = found.ok_or_else(Error::not_enrolled)?;
    check_invited(found.status)?;
    store::delete_links(conn, workspace_id, program_id, partner_id).await?;
    store::delete_enrollment(conn, workspace_id, found.id).await?;
    // Locked before it is asked for its other enrollments: of two programs that let go of a person at the same time,
    // one sees that the other has.
    store::lock_partner(conn, workspace_id, partner_id).await?;
    store::delete_partner_without_enrollment(conn, workspace_id, partner_id).await?;
    let (now, action) = (act.now(), Action::PartnerInviteDeleted);
    // As it was: who receives the event finds nothing any more.
    let event = EnrollmentEvent {
        enrollment_id: found.id,
        partner_id,
        program_id,
        group_id: found.group_id,
        tenant_id: found.tenant_id.as_deref(),
        status: found.status,
        invite_expires_at: None,
    };
    let event = Event { name: EventName::PartnerInviteDeleted, payload: event.payload() };
    outbox::insert_event(conn, workspace_id, act.app.ids.next(now), &event, now).await?;
    log(conn, act, now, action, partner_id, json!({ "from": found.status })).await
}
