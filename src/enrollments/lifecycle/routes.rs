//! `POST /partners/ban`, `/partners/unban`, `/partners/deactivate`, `/partners/reactivate`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::model::Transition;
use super::request::{BanPartnerRequest, ChangeStatusRequest};
use super::service::ChangeStatus;
use crate::access::{Caller, WritePartners};
use crate::error::Result;
use crate::http::extract::Body;
use crate::http::response::Found;
use crate::partners::PartnerRef;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// The answer about a partner whose enrollment was changed or deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedPartner {
    pub(in crate::enrollments) partner_id: PartnerId,
}

/// `POST /partners/ban`.
pub async fn ban_partner(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(BanPartnerRequest { partner, reason, program }): Body<BanPartnerRequest>,
) -> Result<Found<ChangedPartner>> {
    let request = ChangeStatusRequest { partner, program };
    change_status(&executor, &caller, request, Transition::Ban(reason)).await
}

/// `POST /partners/unban`.
pub async fn unban_partner(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(request): Body<ChangeStatusRequest>,
) -> Result<Found<ChangedPartner>> {
    change_status(&executor, &caller, request, Transition::Unban).await
}

/// `POST /partners/deactivate`.
pub async fn deactivate_partner(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(request): Body<ChangeStatusRequest>,
) -> Result<Found<ChangedPartner>> {
    change_status(&executor, &caller, request, Transition::Deactivate).await
}

/// `POST /partners/reactivate`.
pub async fn reactivate_partner(
    executor: Executor,
    caller: Caller<WritePartners>,
    Body(request): Body<ChangeStatusRequest>,
) -> Result<Found<ChangedPartner>> {
    change_status(&executor, &caller, request, Transition::Reactivate).await
}

async fn change_status(
    executor: &Executor,
    caller: &Caller<WritePartners>,
    ChangeStatusRequest { partner, program }: ChangeStatusRequest,
    transition: Transition,
) -> Result<Found<ChangedPartner>> {
    let scope = caller.program(program).await?;
    let partner = PartnerRef::named(partner)?;
    let partner_id = executor.run(caller, ChangeStatus { scope, partner, transition }).await?;
    Ok(Found(ChangedPartner { partner_id }))
}
