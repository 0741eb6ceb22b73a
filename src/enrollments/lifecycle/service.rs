//! Taking a step: the status, the event and the entry of the audit log, together or not at all.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::act::Act;
use super::model::BanReason;
use super::step::Step;
use super::store::{self, LockedEnrollment};
use crate::audit_logs::{self, Action, Entry};
use crate::enrollments::event::EnrollmentEvent;
use crate::error::{Error, Result};
use crate::outbox::{self, Event};
use crate::partners::PartnerRef;
use crate::values::clock::Timestamp;
use crate::values::id::PartnerId;

/// Takes a step with a partner, for a reason if it is thrown out.
///
/// # Errors
/// 404 when it is not enrolled, 400 when the step leads nowhere from where it stands.
pub(super) async fn take(
    conn: &mut PgConnection,
    act: &Act,
    partner: &PartnerRef,
    step: Step,
    reason: Option<BanReason>,
) -> Result<PartnerId> {
    let found = lock(conn, act, partner).await?;
    let now = act.now();
    advance(conn, act, now, &found, step, reason).await?;
    let details = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason.as_str() }));
    record(conn, act, now, &found, step, details).await?;
    Ok(found.partner_id)
}

/// The enrollment that a request names, which nobody else changes until the end of the transaction.
///
/// # Errors
/// 404 when there is none.
pub(in crate::enrollments) async fn lock(
    conn: &mut PgConnection,
    act: &Act,
    partner: &PartnerRef,
) -> Result<LockedEnrollment> {
    let found = store::lock_enrollment(conn, act.workspace_id, act.program_id, partner).await?;
    found.ok_or_else(Error::not_enrolled)
}

/// Brings a locked enrollment to the status that a step leads to.
///
/// # Errors
/// 400 when the step leads nowhere from where it stands.
pub(in crate::enrollments) async fn advance(
    conn: &mut PgConnection,
    act: &Act,
    now: Timestamp,
    found: &LockedEnrollment,
    step: Step,
    reason: Option<BanReason>,
) -> Result<()> {
    let status = step.from(found.status, found.banned_from)?;
    let ban = reason.map(|reason| (now, reason));
    store::update_status(conn, act.workspace_id, found.id, status, step.ends_tokens(), ban).await
}

/// Tells of a step that was taken: the event for the customer's systems, the entry for its people.
pub(in crate::enrollments) async fn record(
    conn: &mut PgConnection,
    act: &Act,
    now: Timestamp,
    found: &LockedEnrollment,
    step: Step,
    mut details: Value,
) -> Result<()> {
    let status = step.from(found.status, found.banned_from)?;
    let event = EnrollmentEvent {
        enrollment_id: found.id,
        partner_id: found.partner_id,
        program_id: act.program_id,
        group_id: found.group_id,
        tenant_id: found.tenant_id.as_deref(),
        status,
        invite_expires_at: None,
    };
    let event = Event { name: step.event(), payload: event.payload() };
    outbox::insert_event(conn, act.workspace_id, act.app.ids.next(now), &event, now).await?;
    details["from"] = json!(found.status);
    details["to"] = json!(status);
    log(conn, act, now, step.action(), found.partner_id, details).await
}

/// An entry of the audit log about a partner.
pub(in crate::enrollments) async fn log(
    conn: &mut PgConnection,
    act: &Act,
    now: Timestamp,
    action: Action,
    partner_id: PartnerId,
    details: Value,
) -> Result<()> {
    let entry = Entry {
        workspace_id: act.workspace_id,
        program_id: act.program_id,
        api_key_id: Some(act.api_key_id),
        action,
        target: &partner_id.to_string(),
        details,
    };
    audit_logs::insert_entry(conn, &act.app.ids, now, &entry).await
}
