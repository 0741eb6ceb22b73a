//! Requests about applications.

use validator::{Validate, ValidationError};

use super::model::{ApplicationFilter, ReapplicationTimeframe, Rejection};
use crate::enrollments::listing::PartnerFilter;
use crate::groups::GroupRef;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::validation::{Bounded, Field, Fields, FreeText, FromFields, ProblemCode, Rules, broken_rule};
use crate::values::{Page, SortOrder};

/// The query of `GET /partners/applications`.
pub struct ListApplicationsQuery {
    pub(super) filter: ApplicationFilter,
    pub(super) page: Page,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ListApplicationsQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let country = fields.optional("country");
        let group = fields.optional("groupId");
        let order = fields.optional("sortOrder").unwrap_or(SortOrder::Desc);
        let partner = PartnerFilter::from_search(fields.optional("search"));
        let status = fields.optional("status").unwrap_or_default();
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { filter: ApplicationFilter { country, group, order, partner, status }, page, program })
    }
}

/// The body of `POST /partners/applications/approve`.
pub struct ApproveApplicationRequest {
    pub(super) partner: PartnerRef,
    pub(super) application: Option<FreeText>,
    pub(super) group: Option<GroupRef>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ApproveApplicationRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = applicant(fields);
        let application = fields.optional("applicationId");
        let group = fields.nullable("groupId");
        let program = fields.optional("programId");
        Some(Self { partner: partner?, application, group, program })
    }
}

/// The body of `POST /partners/applications/reject`.
pub struct RejectApplicationRequest {
    pub(super) partner: PartnerRef,
    pub(super) rejection: Rejection,
    pub(super) program: Option<ProgramRef>,
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

fn bars_from_reapplying(flag: &FraudFlag) -> Result<(), ValidationError> {
    if flag.flag_for_fraud && flag.reapplication_timeframe == ReapplicationTimeframe::Instant {
        let text = "Cannot go with the reapplicationTimeframe instant";
        return Err(broken_rule(ProblemCode::Custom, "flagForFraud", &[], text));
    }
    Ok(())
}

fn has_reason(flag: &FraudFlag) -> Result<(), ValidationError> {
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

fn applicant(fields: &mut Fields<'_>) -> Option<PartnerRef> {
    let id = fields.required::<FreeText>("partnerId")?;
    Some(PartnerRef::Id(id.as_str().parse().ok()))
}
