//! `POST /partners/ban`, `/partners/unban`, `/partners/deactivate`, `/partners/reactivate`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::act::Act;
use super::model::BanReason;
use super::service;
use super::step::Step;
use crate::access::{Caller, WritePartners};
use crate::error::Result;
use crate::http::extract::Body;
use crate::http::response::Found;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Fields, FromFields};
use crate::values::id::PartnerId;

/// A partner who is enrolled.
pub struct PartnerRequest {
    partner: Option<PartnerRef>,
    program: Option<ProgramRef>,
}

impl FromFields for PartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { partner, program })
    }
}

/// A partner to be thrown out.
pub struct BanPartnerRequest {
    partner: Option<PartnerRef>,
    reason: BanReason,
    program: Option<ProgramRef>,
}

impl FromFields for BanPartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let reason = fields.required("reason");
        let program = fields.optional("programId");
        Some(Self { partner, reason: reason?, program })
    }
}

/// Whose status was changed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedPartner {
    pub(in crate::enrollments) partner_id: PartnerId,
}

/// `POST /partners/ban`.
pub async fn ban_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(BanPartnerRequest { partner, reason, program }): Body<BanPartnerRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, program).await?;
    take(act, partner, Step::Ban, Some(reason)).await
}

/// `POST /partners/unban`.
pub async fn unban_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(request): Body<PartnerRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, request.program).await?;
    take(act, request.partner, Step::Unban, None).await
}

/// `POST /partners/deactivate`.
pub async fn deactivate_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(request): Body<PartnerRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, request.program).await?;
    take(act, request.partner, Step::Deactivate, None).await
}

/// `POST /partners/reactivate`.
pub async fn reactivate_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(request): Body<PartnerRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, request.program).await?;
    take(act, request.partner, Step::Reactivate, None).await
}

async fn take(
    act: Act,
    partner: Option<PartnerRef>,
    step: Step,
    reason: Option<BanReason>,
) -> Result<Found<ChangedPartner>> {
    let partner = PartnerRef::named(partner)?;
    let app = act.app.clone();
    let partner_id = app.db.tenant(act.workspace_id).run(step.event().as_str(), move |conn, _| {
        let (act, partner) = (act.clone(), partner.clone());
        Box::pin(async move { service::take(conn, &act, &partner, step, reason).await })
    });
    Ok(Found(ChangedPartner { partner_id: partner_id.await? }))
}
