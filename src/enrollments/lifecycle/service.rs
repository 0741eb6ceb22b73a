//! Transitions: the status, the event and the entry of the audit log are written together or not at all.

use serde_json::{Value, json};

use super::model::{BanReason, Transition};
use super::store::{self, LockedEnrollment};
use crate::enrollments::event::EnrollmentEvent;
use crate::error::{Error, Result};
use crate::outbox::Event;
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::{Command, Work};

/// Changes the status of an enrollment and returns the partner.
///
/// Fails with 404 when the partner is not enrolled, with 400 when the transition is not possible from the present
/// status.
pub(super) struct ChangeStatus {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
    pub(super) transition: Transition,
}

impl Command for ChangeStatus {
    const NAME: &'static str = "change_status";
    type Output = PartnerId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<PartnerId> {
        let Self { scope, ref partner, transition } = *self;
        let enrollment = lock_enrollment(work, scope, partner).await?;
        write_transition(work, &enrollment, transition).await?;
        let reason = transition.ban_reason().map(BanReason::as_str);
        let details = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
        report_transition(work, scope, &enrollment, transition, details).await?;
        Ok(enrollment.partner_id)
    }
}

/// Returns the enrollment of the partner that a request means, and locks the enrollment against every other change
/// until the end of the transaction.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(in crate::enrollments) async fn lock_enrollment(
    work: &mut Work<'_>,
    scope: ProgramScope,
    partner: &PartnerRef,
) -> Result<LockedEnrollment> {
    let enrollment = store::lock_enrollment(work.conn, scope, partner).await?;
    enrollment.ok_or_else(Error::not_enrolled)
}

/// Writes the status after a transition to a locked enrollment.
///
/// # Errors
/// 400 when the transition is not possible from the present status.
pub(in crate::enrollments) async fn write_transition(
    work: &mut Work<'_>,
    enrollment: &LockedEnrollment,
    transition: Transition,
) -> Result<()> {
    let status = transition.target(enrollment.status, enrollment.banned_from)?;
    let (workspace_id, now) = (work.actor.workspace_id, work.now());
    let ban = transition.ban_reason().map(|reason| (now, reason));
    store::update_status(work.conn, workspace_id, enrollment.id, status, transition.revokes_tokens(), ban).await
}

/// Reports a transition: publishes the event for the customer's systems, and adds the entry for people to the audit
/// log. `enrollment` has the status before the transition.
///
/// # Errors
/// 503 when the database is unavailable.
pub(in crate::enrollments) async fn report_transition(
    work: &mut Work<'_>,
    scope: ProgramScope,
    enrollment: &LockedEnrollment,
    transition: Transition,
    mut details: Value,
) -> Result<()> {
    let status = transition.target(enrollment.status, enrollment.banned_from)?;
    let event = EnrollmentEvent {
        enrollment_id: enrollment.id,
        partner_id: enrollment.partner_id,
        program_id: scope.program_id,
        group_id: enrollment.group_id,
        tenant_id: enrollment.tenant_id.as_deref(),
        status,
        invite_expires_at: None,
    };
    work.publish(&Event { name: transition.event(), payload: event.payload() }).await?;
    details["from"] = json!(enrollment.status);
    details["to"] = json!(status);
    work.audit(scope.program_id, transition.action(), enrollment.partner_id, details).await
}
