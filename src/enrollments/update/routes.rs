//! `PATCH /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::request::UpdatePartnerRequest;
use super::service::UpdatePartner;
use crate::access::{Caller, WritePartners};
use crate::enrollments::service::RetrievePartner;
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId};
use crate::http::response::Found;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// `PATCH /partners/{id}`.
pub async fn update_partner(
    executor: Executor,
    caller: Caller<WritePartners>,
    PathId(id): PathId<PartnerId>,
    Body(UpdatePartnerRequest { changes, program }): Body<UpdatePartnerRequest>,
) -> Result<Found<impl serde::Serialize>> {
    let scope = caller.program(program).await?;
    let partner_id = id.ok_or_else(Error::not_enrolled)?;
    if !changes.is_empty() {
        executor.run(&caller, UpdatePartner { scope, partner_id, changes }).await?;
    }
    executor.read(scope.workspace_id, RetrievePartner { scope, partner_id }).await.map(Found)
}
