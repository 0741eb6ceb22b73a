//! Enrollments in answers (`EnrolledPartner` in openapi.yaml).

use serde::Serialize;
use sqlx::PgConnection;

use super::enroll::{Enrolled, EnrollmentView};
use super::model::{EnrolledPartnerRow, Status};
use super::store;
use crate::error::{Error, Result};
use crate::links::{self, LinkOwner, PartnerLink};
use crate::partners::Metadata;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApplicationId, GroupId, PartnerId, ProgramId};

/// The status of every partner in a network of partners, which Pearset does not have.
pub(super) const NETWORK_STATUS: &str = "draft";

/// An enrollment in an answer. Amounts are in cents, rates are fractions of one; a rate without a denominator is null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrolledPartner {
    id: PartnerId,
    partner_id: PartnerId,
    name: String,
    username: Option<String>,
    email: String,
    image: Option<String>,
    description: Option<String>,
    country: Option<String>,
    company_name: Option<String>,
    paypal_email: Option<String>,
    website: Option<String>,
    youtube: Option<String>,
    twitter: Option<String>,
    linkedin: Option<String>,
    instagram: Option<String>,
    tiktok: Option<String>,
    metadata: Metadata,
    network_status: &'static str,
    program_id: ProgramId,
    group_id: GroupId,
    tenant_id: Option<String>,
    created_at: Timestamp,
    status: Status,
    links: Vec<PartnerLink>,
    application_id: Option<ApplicationId>,
    banned_at: Option<Timestamp>,
    banned_reason: Option<String>,
    invite_expires_at: Option<Timestamp>,
    total_commissions: i64,
    clicks: i64,
    leads: i64,
    conversions: i64,
    sales: i64,
    sale_amount: i64,
    net_revenue: i64,
    total_clicks: i64,
    total_leads: i64,
    total_conversions: i64,
    total_sales: i64,
    total_sale_amount: i64,
    earnings_per_click: Option<f64>,
    average_lifetime_value: Option<f64>,
    click_to_lead_rate: Option<f64>,
    click_to_conversion_rate: Option<f64>,
    lead_to_conversion_rate: Option<f64>,
    return_on_ad_spend: Option<f64>,
    #[serde(flatten)]
    unknown: UnknownMembers,
}

/// The members of the wire format for which Pearset has no data, shown as null.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnknownMembers {
    default_payout_method: (),
    stripe_connect_id: (),
    payouts_enabled_at: (),
    identity_verified_at: (),
    trusted_at: (),
    click_reward_id: (),
    lead_reward_id: (),
    sale_reward_id: (),
    referral_reward_id: (),
    discount_id: (),
    website_txt_record: (),
    website_verified_at: (),
    youtube_verified_at: (),
    youtube_subscriber_count: (),
    youtube_view_count: (),
    twitter_verified_at: (),
    linkedin_verified_at: (),
    instagram_verified_at: (),
    tiktok_verified_at: (),
}

impl EnrolledPartner {
    fn new(row: EnrolledPartnerRow, links: Vec<PartnerLink>) -> Self {
        let (clicks, leads, conversions) = (row.total_clicks, row.total_leads, row.total_conversions);
        let (sales, sale_amount) = (row.total_sales, row.total_sale_amount);
        Self {
            id: row.partner_id,
            partner_id: row.partner_id,
            name: row.name.filter(|name| !name.is_empty()).unwrap_or_else(|| row.email.clone()),
            username: row.username,
            email: row.email,
            image: row.image,
            description: row.description,
            country: row.country,
            company_name: row.company_name,
            paypal_email: row.paypal_email,
            website: row.website,
            youtube: row.youtube,
            twitter: row.twitter,
            linkedin: row.linkedin,
            instagram: row.instagram,
            tiktok: row.tiktok,
            metadata: row.metadata.0,
            network_status: NETWORK_STATUS,
            program_id: row.program_id,
            group_id: row.group_id,
            tenant_id: row.tenant_id,
            created_at: row.created_at,
            status: row.status,
            links,
            application_id: row.application_id,
            banned_at: row.banned_at,
            banned_reason: row.banned_reason,
            invite_expires_at: row.invite_expires_at,
            total_commissions: row.total_commissions,
            clicks,
            leads,
            conversions,
            sales,
            sale_amount,
            net_revenue: row.net_revenue,
            total_clicks: clicks,
            total_leads: leads,
            total_conversions: conversions,
            total_sales: sales,
            total_sale_amount: sale_amount,
            earnings_per_click: ratio(sale_amount, clicks),
            average_lifetime_value: ratio(sale_amount, conversions),
            click_to_lead_rate: ratio(leads, clicks),
            click_to_conversion_rate: ratio(conversions, clicks),
            lead_to_conversion_rate: ratio(conversions, leads),
            return_on_ad_spend: ratio(sale_amount, row.total_commissions),
            unknown: UnknownMembers::default(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is an approximation")]
fn ratio(numerator: i64, denominator: i64) -> Option<f64> {
    (denominator != 0).then(|| numerator as f64 / denominator as f64)
}

impl EnrollmentView for EnrolledPartner {
    async fn read(conn: &mut PgConnection, scope: ProgramScope, enrolled: Enrolled) -> Result<Self> {
        load(conn, scope, enrolled.partner_id).await
    }
}

/// Returns the enrollment of a partner in a program, with the partner's links.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(super) async fn load(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner_id: PartnerId,
) -> Result<EnrolledPartner> {
    let row = store::find_enrolled_partner(conn, scope, partner_id).await?.ok_or_else(Error::not_enrolled)?;
    let ProgramScope { workspace_id, program_id } = scope;
    let links = links::list_partner_links(conn, LinkOwner { workspace_id, program_id, partner_id }).await?;
    Ok(EnrolledPartner::new(row, links))
}

/// Adds the links of the partners to enrollments of one program.
///
/// # Errors
/// 503 when the database is unavailable.
pub(super) async fn with_links(
    conn: &mut PgConnection,
    scope: ProgramScope,
    rows: Vec<EnrolledPartnerRow>,
) -> Result<Vec<EnrolledPartner>> {
    let ids: Vec<PartnerId> = rows.iter().map(|row| row.partner_id).collect();
    let mut links = links::list_links_of_partners(conn, scope, &ids).await?;
    let shown = rows.into_iter().map(|row| {
        let links = links.remove(&row.partner_id).unwrap_or_default();
        EnrolledPartner::new(row, links)
    });
    Ok(shown.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_without_a_denominator_is_absent() {
        assert_eq!(ratio(1, 4), Some(0.25));
        assert_eq!(ratio(0, 4), Some(0.0));
        assert_eq!(ratio(1, 0), None);
    }
}
