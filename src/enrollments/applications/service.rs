//! Deciding on an application.

use serde_json::json;
use sqlx::PgConnection;

use super::model::{Rejection, RejectionReason};
use super::store;
use crate::enrollments::enroll::give_default_links;
use crate::enrollments::lifecycle::{Act, LockedEnrollment, Step, advance, lock, record};
use crate::error::{Error, Result};
use crate::groups::{self, GroupRef};
use crate::partners::PartnerRef;
use crate::values::ProgramScope;
use crate::values::id::{GroupId, PartnerId};

/// Accepts an application, that one if it is named, into another group than the partner applied to if one is named.
///
/// # Errors
/// 404 when there is no such partner, application or group, 400 when the partner does not wait for a review.
pub(super) async fn approve(
    conn: &mut PgConnection,
    act: &Act,
    partner: &PartnerRef,
    application: Option<&str>,
    group: Option<&GroupRef>,
) -> Result<PartnerId> {
    let found = lock(conn, act, partner).await?;
    if let Some(wanted) = application
        && found.application_id.is_none_or(|id| id.to_string() != wanted)
    {
        return Err(Error::not_found("The application does not exist."));
    }
    let group_id = match group {
        Some(group) => find_group(conn, act, group).await?,
        None => found.group_id,
    };
    let now = act.now();
    advance(conn, act, now, &found, Step::Approve, None).await?;
    let mut details = json!({});
    if group_id != found.group_id {
        store::update_group(conn, act.workspace_id, found.id, group_id).await?;
        give_default_links(conn, &act.app.ids, now, act.workspace_id, found.id).await?;
        details = json!({ "fromGroupId": found.group_id, "toGroupId": group_id });
    }
    let moved = LockedEnrollment { group_id, ..found };
    record(conn, act, now, &moved, Step::Approve, details).await?;
    Ok(moved.partner_id)
}

async fn find_group(conn: &mut PgConnection, act: &Act, group: &GroupRef) -> Result<GroupId> {
    groups::hold_group(conn, ProgramScope { workspace_id: act.workspace_id, program_id: act.program_id }, group)
        .await?
        .ok_or_else(groups::no_group)
}

/// Refuses an application. The audit log tells the choices that were made, not the words: these are about a person,
/// and the log outlives it.
///
/// # Errors
/// 404 when there is no such partner, 400 when it does not wait for a review.
pub(super) async fn reject(
    conn: &mut PgConnection,
    act: &Act,
    partner: &PartnerRef,
    rejection: &Rejection,
) -> Result<PartnerId> {
    let found = lock(conn, act, partner).await?;
    let now = act.now();
    advance(conn, act, now, &found, Step::Reject, None).await?;
    store::update_rejection(conn, act.workspace_id, found.id, rejection).await?;
    let details = json!({
        "reason": rejection.reason.map(RejectionReason::as_str),
        "reapplicationTimeframe": rejection.timeframe.as_str(),
        "flaggedForFraud": rejection.fraud_suspicion.is_some(),
    });
    record(conn, act, now, &found, Step::Reject, details).await?;
    Ok(found.partner_id)
}
