//! The list of applications, and the decisions on an application.

use serde_json::json;
use sqlx::PgConnection;

use super::model::{ApplicationFilter, Rejection, RejectionReason};
use super::response::ApplicationRow;
use super::store;
use crate::enrollments::enroll::give_default_links;
use crate::enrollments::lifecycle::{
    LockedEnrollment, Transition, lock_enrollment, report_transition, write_transition,
};
use crate::error::{Error, Result};
use crate::groups::{self, GroupRef};
use crate::partners::PartnerRef;
use crate::validation::FreeText;
use crate::values::id::PartnerId;
use crate::values::{Page, ProgramScope};
use crate::work::{Command, Query, ReadMode, Work};

/// Lists a page of the applications of a program.
pub(super) struct ListApplications {
    pub(super) scope: ProgramScope,
    pub(super) filter: ApplicationFilter,
    pub(super) page: Page,
}

impl Query for ListApplications {
    const NAME: &'static str = "list_applications";
    const MODE: ReadMode = ReadMode::Snapshot;
    type Output = Vec<ApplicationRow>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<ApplicationRow>> {
        store::list_applications(conn, self.scope, &self.filter, self.page).await
    }
}

/// Approves an application and returns the partner. With a `group`, the partner moves from the group of the
/// application to that group. With an `application`, only that application is approved.
///
/// Fails with 404 when there is no such partner, application or group, with 400 when the partner does not wait for a
/// review.
pub(super) struct ApproveApplication {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
    pub(super) application: Option<FreeText>,
    pub(super) group: Option<GroupRef>,
}

impl Command for ApproveApplication {
    const NAME: &'static str = "approve_application";
    type Output = PartnerId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<PartnerId> {
        let Self { scope, ref partner, ref application, ref group } = *self;
        let enrollment = lock_enrollment(work, scope, partner).await?;
        if let Some(wanted) = application
            && enrollment.application_id.is_none_or(|id| id.to_string() != wanted.as_str())
        {
            return Err(Error::not_found("The application does not exist."));
        }
        let group_id = match group {
            Some(group) => groups::lock_group_shared(work.conn, scope, group).await?.ok_or_else(groups::no_group)?,
            None => enrollment.group_id,
        };
        write_transition(work, &enrollment, Transition::Approve).await?;
        let mut details = json!({});
        if group_id != enrollment.group_id {
            store::update_group(work.conn, scope.workspace_id, enrollment.id, group_id).await?;
            give_default_links(work, enrollment.id).await?;
            details = json!({ "fromGroupId": enrollment.group_id, "toGroupId": group_id });
        }
        let moved = LockedEnrollment { group_id, ..enrollment };
        report_transition(work, scope, &moved, Transition::Approve, details).await?;
        Ok(moved.partner_id)
    }
}

/// Rejects an application and returns the partner. The audit log has the choices of the reviewer, but not the words:
/// the words are about a person, and the log outlives the person's data.
///
/// Fails with 404 when there is no such partner, with 400 when the partner does not wait for a review.
pub(super) struct RejectApplication {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
    pub(super) rejection: Rejection,
}

impl Command for RejectApplication {
    const NAME: &'static str = "reject_application";
    type Output = PartnerId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<PartnerId> {
        let Self { scope, ref partner, ref rejection } = *self;
        let enrollment = lock_enrollment(work, scope, partner).await?;
        write_transition(work, &enrollment, Transition::Reject).await?;
        store::update_rejection(work.conn, scope.workspace_id, enrollment.id, rejection).await?;
        let details = json!({
            "reason": rejection.reason.map(RejectionReason::as_str),
            "reapplicationTimeframe": rejection.timeframe.as_str(),
            "flaggedForFraud": rejection.fraud_suspicion.is_some(),
        });
        report_transition(work, scope, &enrollment, Transition::Reject, details).await?;
        Ok(enrollment.partner_id)
    }
}
