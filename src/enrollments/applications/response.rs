//! The `PartnerApplication` of openapi.yaml. A member of type `()`, for which Pearset has no data, is shown as null.

use serde::Serialize;

use crate::enrollments::Status;
use crate::enrollments::response::NETWORK_STATUS;
use crate::values::clock::Timestamp;
use crate::values::id::{ApplicationId, GroupId, PartnerId};

/// An application with its partner, as the database returns them.
#[derive(Debug)]
pub(super) struct ApplicationRow {
    pub(super) id: ApplicationId,
    pub(super) created_at: Timestamp,
    pub(super) partner_id: PartnerId,
    pub(super) name: Option<String>,
    pub(super) company_name: Option<String>,
    pub(super) email: String,
    pub(super) image: Option<String>,
    pub(super) description: Option<String>,
    pub(super) country: Option<String>,
    pub(super) group_id: GroupId,
    pub(super) status: Status,
    pub(super) website: Option<String>,
    pub(super) youtube: Option<String>,
    pub(super) twitter: Option<String>,
    pub(super) linkedin: Option<String>,
    pub(super) instagram: Option<String>,
    pub(super) tiktok: Option<String>,
    pub(super) rejection_reason: Option<String>,
    pub(super) rejection_note: Option<String>,
    pub(super) reapplication_timeframe: Option<String>,
    pub(super) fraud_suspicion: Option<String>,
}

/// An application in an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartnerApplication {
    id: ApplicationId,
    created_at: Timestamp,
    partner: Applicant,
    application_form_data: (),
    rejection_reason: Option<String>,
    rejection_note: Option<String>,
    reapplication_timeframe: Option<String>,
    flag_for_fraud: bool,
    flag_for_fraud_reason: Option<String>,
}

/// The partner of an application.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applicant {
    id: PartnerId,
    name: String,
    company_name: Option<String>,
    email: String,
    image: Option<String>,
    description: Option<String>,
    country: Option<String>,
    group_id: GroupId,
    status: Status,
    network_status: &'static str,
    default_payout_method: (),
    payouts_enabled_at: (),
    website: Option<String>,
    youtube: Option<String>,
    twitter: Option<String>,
    linkedin: Option<String>,
    instagram: Option<String>,
    tiktok: Option<String>,
}

impl From<ApplicationRow> for PartnerApplication {
    fn from(row: ApplicationRow) -> Self {
        let partner = Applicant {
            id: row.partner_id,
            name: row.name.filter(|name| !name.is_empty()).unwrap_or_else(|| row.email.clone()),
            company_name: row.company_name,
            email: row.email,
            image: row.image,
            description: row.description,
            country: row.country,
            group_id: row.group_id,
            status: row.status,
            network_status: NETWORK_STATUS,
            default_payout_method: (),
            payouts_enabled_at: (),
            website: row.website,
            youtube: row.youtube,
            twitter: row.twitter,
            linkedin: row.linkedin,
            instagram: row.instagram,
            tiktok: row.tiktok,
        };
        Self {
            id: row.id,
            created_at: row.created_at,
            partner,
            application_form_data: (),
            rejection_reason: row.rejection_reason,
            rejection_note: row.rejection_note,
            reapplication_timeframe: row.reapplication_timeframe,
            flag_for_fraud: row.fraud_suspicion.is_some(),
            flag_for_fraud_reason: row.fraud_suspicion,
        }
    }
}
