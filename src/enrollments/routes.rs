//! `POST /partners` and `GET /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::enroll::{EnrollRequest, Enroller, Origin};
use super::request::CreatePartnerRequest;
use super::response::EnrolledPartner;
use super::service::RetrievePartner;
use crate::access::{Caller, ReadPartners, WritePartners};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::programs::ProgramQuery;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// `POST /partners`: enrolls a partner, or finds the enrollment that the request means.
pub async fn create_partner(
    enroller: Enroller,
    caller: Caller<WritePartners>,
    Body(CreatePartnerRequest { program, partner }): Body<CreatePartnerRequest>,
) -> Result<Created<impl Serialize>> {
    let scope = caller.program(program).await?;
    let request = EnrollRequest::for_partner(scope, Origin::Workspace, partner);
    enroller.enroll_and_read::<EnrolledPartner>(&caller, request).await.map(Created)
}

/// `GET /partners/{id}`.
pub async fn retrieve_partner(
    executor: Executor,
    caller: Caller<ReadPartners>,
    PathId(id): PathId<PartnerId>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    let partner_id = id.ok_or_else(Error::not_enrolled)?;
    executor.read(scope.workspace_id, RetrievePartner { scope, partner_id }).await.map(Found)
}
