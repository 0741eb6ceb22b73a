//! `GET /partners/applications`, `POST /partners/applications/approve`, `POST /partners/applications/reject`; and the
//! same at `/program-applications`, which is where the client library for Python looks for them.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use super::model::{ApplicationFilter, ReapplicationTimeframe, Rejection};
use super::response::PartnerApplication;
use super::{service, store};
use crate::access::{Caller, ReadPartners, WritePartners};
use crate::enrollments::lifecycle::{Act, ChangedPartner};
use crate::enrollments::listing::Who;
use crate::error::Result;
use crate::groups::GroupRef;
use crate::http::extract::{Body, Query};
use crate::http::response::Found;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Bounded, Field, Fields, FromFields, ProblemCode, Rules, broken_rule};
use crate::values::Page;
use validator::{Validate, ValidationError};

/// Which applications.
pub struct ListApplicationsRequest {
    filter: ApplicationFilter,
    page: Page,
    program: Option<ProgramRef>,
}

impl FromFields for ListApplicationsRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let country = fields.optional("country");
        let group = fields.optional::<AnyText>("groupId").map(|group| GroupRef::from(group.as_str()));
        let order = fields.optional("sortOrder").unwrap_or_default();
        let who = Who::found_by(fields.optional("search"));
        let status = fields.optional("status").unwrap_or_default();
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { filter: ApplicationFilter { country, group, order, who, status }, page, program })
    }
}

/// `GET /partners/applications`.
pub async fn list_partner_applications(
    App(app): App,
    caller: Caller<ReadPartners>,
    Query(request): Query<ListApplicationsRequest>,
) -> Result<Found<Vec<PartnerApplication>>> {
    let scope = caller.program(request.program).await?;
    let (filter, page) = (Arc::new(request.filter), request.page);
    let rows = app.db.tenant(scope.workspace_id).read_snapshot("list_applications", move |conn| {
        let filter = Arc::clone(&filter);
        Box::pin(async move { store::list_applications(conn, scope, &filter, page).await })
    });
    Ok(Found(rows.await?.into_iter().map(PartnerApplication::from).collect()))
}

/// An application to be accepted.
pub struct ApproveApplicationRequest {
    partner: PartnerRef,
    application: Option<AnyText>,
    group: Option<GroupRef>,
    program: Option<ProgramRef>,
}

impl FromFields for ApproveApplicationRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = applicant(fields);
        let application = fields.optional("applicationId");
        let group = fields.nullable::<AnyText>("groupId").map(|group| GroupRef::from(group.as_str()));
        let program = fields.optional("programId");
        Some(Self { partner: partner?, application, group, program })
    }
}

/// `POST /partners/applications/approve`.
pub async fn approve_partner_application(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(request): Body<ApproveApplicationRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, request.program).await?;
    let names = Arc::new((request.partner, request.application, request.group));
    let partner_id = app.db.tenant(act.workspace_id).run("approve_application", move |conn, _| {
        let (act, names) = (act.clone(), Arc::clone(&names));
        Box::pin(async move {
            let (partner, application, group) = &*names;
            service::approve(conn, &act, partner, application.as_ref().map(AnyText::as_str), group.as_ref()).await
        })
    });
    Ok(Found(ChangedPartner { partner_id: partner_id.await? }))
}

/// An application to be refused.
pub struct RejectApplicationRequest {
    partner: PartnerRef,
    rejection: Rejection,
    program: Option<ProgramRef>,
}

/// The fields about fraud of a request to reject an application.
#[derive(Validate)]
#[validate(schema(function = bars_from_reapplying))]
#[validate(schema(function = has_reason))]
struct FraudFlag {
    reapplication_timeframe: ReapplicationTimeframe,
    flag_for_fraud: bool,
    flag_for_fraud_reason: Option<Bounded<1, 5000>>,
}

impl Rules for FraudFlag {
    const FIELDS: &'static [Field] =
        &[Field::new("reapplicationTimeframe"), Field::new("flagForFraud"), Field::new("flagForFraudReason")];
}

fn bars_from_reapplying(flag: &FraudFlag) -> std::result::Result<(), ValidationError> {
    if flag.flag_for_fraud && flag.reapplication_timeframe == ReapplicationTimeframe::Instant {
        let text = "Cannot go with the reapplicationTimeframe instant";
        return Err(broken_rule(ProblemCode::Custom, "flagForFraud", &[], text));
    }
    Ok(())
}

fn has_reason(flag: &FraudFlag) -> std::result::Result<(), ValidationError> {
    if flag.flag_for_fraud && flag.flag_for_fraud_reason.is_none() {
        let field = "flagForFraudReason";
        return Err(broken_rule(ProblemCode::InvalidType, field, &[field], "Required"));
    }
    Ok(())
}

impl FromFields for RejectApplicationRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = applicant(fields);
        let reason = fields.optional("rejectionReason");
        let note = fields.optional("rejectionNote");
        let flag = FraudFlag {
            reapplication_timeframe: fields.optional("reapplicationTimeframe").unwrap_or_default(),
            flag_for_fraud: fields.optional("flagForFraud").unwrap_or(false),
            flag_for_fraud_reason: fields.optional("flagForFraudReason"),
        };
        fields.check(&flag);
        let timeframe = flag.reapplication_timeframe;
        // Without the flag, the reason is ignored.
        let fraud_suspicion = flag.flag_for_fraud_reason.filter(|_| flag.flag_for_fraud);
        let program = fields.optional("programId");
        Some(Self { partner: partner?, rejection: Rejection { reason, note, timeframe, fraud_suspicion }, program })
    }
}

/// `POST /partners/applications/reject`.
pub async fn reject_partner_application(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(request): Body<RejectApplicationRequest>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, request.program).await?;
    let application = Arc::new((request.partner, request.rejection));
    let partner_id = app.db.tenant(act.workspace_id).run("reject_application", move |conn, _| {
        let (act, application) = (act.clone(), Arc::clone(&application));
        Box::pin(async move { service::reject(conn, &act, &application.0, &application.1).await })
    });
    Ok(Found(ChangedPartner { partner_id: partner_id.await? }))
}

/// Whatever is no id, or no slug, is one that does not exist.
type AnyText = Bounded<0, { usize::MAX }>;

fn applicant(fields: &mut Fields<'_>) -> Option<PartnerRef> {
    let id = fields.required::<AnyText>("partnerId")?;
    Some(PartnerRef::Id(id.as_str().parse().ok()))
}
