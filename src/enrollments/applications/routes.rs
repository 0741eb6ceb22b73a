//! `GET /partners/applications`, `POST /partners/applications/approve` and `POST /partners/applications/reject`. The
//! same routes exist under `/program-applications`, the path that the client library for Python uses.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::request::{ApproveApplicationRequest, ListApplicationsQuery, RejectApplicationRequest};
use super::response::PartnerApplication;
use super::service::{ApproveApplication, ListApplications, RejectApplication};
use crate::access::{Caller, ReadPartners, WritePartners};
use crate::enrollments::lifecycle::ChangedPartner;
use crate::error::Result;
use crate::http::extract::{Body, Query};
use crate::http::response::Found;
use crate::work::Executor;

/// `GET /partners/applications`.
pub async fn list_partner_applications(
    executor: Executor,
    caller: Caller<ReadPartners>,
    Query(ListApplicationsQuery { filter, page, program }): Query<ListApplicationsQuery>,
) -> Result<Found<Vec<PartnerApplication>>> {
    let scope = caller.program(program).await?;
    let applications = executor.read(scope.workspace_id, ListApplications { scope, filter, page }).await?;
    Ok(Found(applications.into_iter().map(PartnerApplication::from).collect()))
}

/// `POST /partners/applications/approve`.
pub async fn approve_partner_application(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(request): Body<ApproveApplicationRequest>,
) -> Result<Found<ChangedPartner>> {
    let ApproveApplicationRequest { partner, application, group, program } = request;
    let scope = caller.program(program).await?;
    let partner_id = executor.run(&caller, ApproveApplication { scope, partner, application, group }).await?;
    Ok(Found(ChangedPartner { partner_id }))
}

/// `POST /partners/applications/reject`.
pub async fn reject_partner_application(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(RejectApplicationRequest { partner, rejection, program }): Body<RejectApplicationRequest>,
) -> Result<Found<ChangedPartner>> {
    let scope = caller.program(program).await?;
    let partner_id = executor.run(&caller, RejectApplication { scope, partner, rejection }).await?;
    Ok(Found(ChangedPartner { partner_id }))
}
