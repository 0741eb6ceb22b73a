//! The withdrawal of an invitation.

use serde_json::json;

use super::store;
use crate::audit_logs::Action;
use crate::enrollments::event::EnrollmentEvent;
use crate::enrollments::lifecycle::check_invited;
use crate::error::{Error, Result};
use crate::links::{self, LinkOwner};
use crate::outbox::{Event, EventName};
use crate::partners;
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::{Command, Work};

/// Withdraws an invitation: deletes the enrollment with its links, and also the partner if the partner is in no other
/// program. An expired invitation can be withdrawn like any other.
///
/// Fails with 404 when the partner is not enrolled, with 400 when the enrollment has another status than invited.
pub(super) struct DeleteInvitation {
    pub(super) scope: ProgramScope,
    pub(super) partner_id: PartnerId,
}

impl Command for DeleteInvitation {
    const NAME: &'static str = "delete_invitation";
    type Output = ();

    async fn apply(&self, work: &mut Work<'_>) -> Result<()> {
        let Self { scope, partner_id } = *self;
        let ProgramScope { workspace_id, program_id } = scope;
        let enrollment = store::lock_for_deletion(work.conn, scope, partner_id).await?;
        let enrollment = enrollment.ok_or_else(Error::not_enrolled)?;
        check_invited(enrollment.status)?;
        links::delete_partner_links(work.conn, LinkOwner { workspace_id, program_id, partner_id }).await?;
        store::delete_enrollment(work.conn, workspace_id, enrollment.id).await?;
        // The lock comes before the look-up of other enrollments: when two programs delete the enrollments of one
        // partner at the same time, the second sees that the first has deleted its own.
        partners::lock_partner(work.conn, workspace_id, partner_id).await?;
        partners::delete_unenrolled_partner(work.conn, workspace_id, partner_id).await?;
        // The event has the state before the deletion, because a receiver can no longer read the enrollment.
        let event = EnrollmentEvent {
            enrollment_id: enrollment.id,
            partner_id,
            program_id,
            group_id: enrollment.group_id,
            tenant_id: enrollment.tenant_id.as_deref(),
            status: enrollment.status,
            invite_expires_at: None,
        };
        work.publish(&Event { name: EventName::PartnerInviteDeleted, payload: event.payload() }).await?;
        let details = json!({ "from": enrollment.status });
        work.audit(program_id, Action::PartnerInviteDeleted, partner_id, details).await
    }
}
