//! Queries on `enrollments`, and the one statement that inserts an enrollment together with its partner and its event.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use std::sync::Arc;

use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{Candidate, Candidates, EnrolledPartnerRow, Identity, Status};
use crate::error::{Error, Result};
use crate::links::{self, DefaultLinkBatch, LinkOwner};
use crate::partners::{Country, Metadata, PartnerRef, Profile};
use crate::validation::Bounded;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;
use crate::values::id::{
    ApplicationId, DomainId, EnrollmentId, EventId, GroupId, LinkId, PartnerId, ProgramId, WorkspaceId,
};

/// Finds the enrollments that each identity may mean, without a lock. The function in the database sets the tenant, so that
/// a repeat call needs no other statement.
pub(super) async fn find_candidates(
    conn: &mut PgConnection,
    scope: ProgramScope,
    identities: &[Arc<Identity>],
) -> Result<Vec<Candidates>> {
    let partner_ids: Vec<_> = identities.iter().map(|identity| identity.partner_id).collect();
    let tenant_ids: Vec<_> = identities.iter().map(|identity| identity.tenant_id.as_deref()).collect();
    let emails: Vec<_> = identities.iter().map(|identity| identity.email_normalized.as_deref()).collect();
    let rows = sqlx::query!(
        r#"/* enrollments::find_candidates */
         SELECT place AS "place!", matched_by AS "matched_by!", partner_id AS "partner_id!: PartnerId",
                enrollment_id AS "enrollment_id: EnrollmentId", group_id AS "group_id: GroupId", tenant_id,
                status AS "status: Status", token_epoch, invite_expires_at AS "invite_expires_at: Timestamp",
                token_lifetime_seconds AS "token_lifetime_seconds!", lacks_default_links AS "lacks_default_links!"
         FROM find_candidates_together($1, $2, $3, $4, $5)"#,
        scope.workspace_id as _,
        scope.program_id as _,
        &partner_ids as _,
        &tenant_ids as _,
        &emails as _,
    )
    .fetch_all(conn)
    .await?;
    let mut all = vec![Candidates::default(); identities.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).ok();
        let found = place
            .and_then(|place| all.get_mut(place))
            .ok_or_else(|| Error::internal("a candidate without an identity"))?;
        let (Some(enrollment_id), Some(group_id), Some(status), Some(token_epoch)) =
            (row.enrollment_id, row.group_id, row.status, row.token_epoch)
        else {
            if row.matched_by == "email" {
                found.known_partner = Some(row.partner_id);
            }
            continue;
        };
        let candidate = Some(Candidate {
            enrollment_id,
            partner_id: row.partner_id,
            group_id,
            tenant_id: row.tenant_id,
            status,
            token_epoch,
            invite_expires_at: row.invite_expires_at,
            token_lifetime_seconds: row.token_lifetime_seconds,
            lacks_default_links: row.lacks_default_links,
        });
        match row.matched_by.as_str() {
            "partner" => found.by_partner = candidate,
            "tenant" => found.by_tenant = candidate,
            _ => found.by_email = candidate,
        }
    }
    Ok(all)
}

/// An enrollment to be inserted.
pub(super) struct NewEnrollment<'a> {
    pub(super) scope: ProgramScope,
    pub(super) id: EnrollmentId,
    pub(super) partner_id: PartnerId,
    /// True for an existing partner, whose profile is not changed.
    pub(super) partner_exists: bool,
    pub(super) profile: &'a Profile,
    pub(super) group_id: GroupId,
    /// The version of the group at the time when the terms were read.
    pub(super) group_version: i32,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) status: Status,
    /// Set for a partner who applies and waits for a review.
    pub(super) application_id: Option<ApplicationId>,
    pub(super) metadata: Option<&'a Metadata>,
    /// Set for an invited partner.
    pub(super) invite_expires_at: Option<Timestamp>,
    pub(super) event_id: EventId,
    pub(super) event_name: &'a str,
    pub(super) event: &'a Value,
}

/// Inserts partner, enrollment, links and event in one round trip, and returns the ids of the inserted links. Returns `None`
/// when another transaction has taken the e-mail address or the tenant id before, or has changed or deleted the group. The
/// caller then rolls the rows back that were inserted.
///
/// The statement locks the row of the group before the enrollment is inserted, because the foreign key does not suffice:
/// the foreign key waits for a transaction that deletes the group, and is then satisfied with a row that is marked as
/// deleted.
pub(super) async fn insert_enrollment(
    conn: &mut PgConnection,
    new: &NewEnrollment<'_>,
    domain_id: DomainId,
    links: &DefaultLinkBatch<'_>,
    now: Timestamp,
) -> Result<Option<Vec<LinkId>>> {
    let (profile, rows) = (new.profile, links.rows());
    let inserted = sqlx::query_scalar!(
        r#"/* enrollments::insert_enrollment */
         SELECT insert_enrollment($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                                  $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)
                AS "inserted: Vec<LinkId>""#,
        new.scope.workspace_id as _,
        new.scope.program_id as _,
        new.id as _,
        new.partner_id as _,
        new.partner_exists,
        profile.email.display(),
        profile.email.normalized(),
        profile.name.as_ref().map(Bounded::as_str),
        profile.username.as_ref().map(Bounded::as_str),
        profile.image.as_ref().map(HttpUrl::as_str),
        profile.country.as_ref().map(Country::as_str),
        profile.description.as_ref().map(Bounded::as_str),
        new.group_id as _,
        new.group_version,
        new.tenant_id,
        new.status as _,
        new.application_id as _,
        new.metadata.map(Json) as _,
        new.invite_expires_at as _,
        new.event_id as _,
        new.event_name,
        new.event,
        domain_id as _,
        &rows.ids as _,
        &rows.keys as _,
        &rows.folded_keys as _,
        &rows.urls as _,
        &rows.default_links as _,
        &rows.external_ids as _,
        Json(links.settings()) as _,
        now as _,
    )
    .fetch_one(conn)
    .await?;
    Ok(inserted)
}

/// Writes another tenant id to an enrollment and its links. Returns false when the enrollment no longer has the tenant
/// id or the status with which it was found.
pub(super) async fn update_tenant_id(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    found: &Candidate,
    tenant_id: &str,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* enrollments::update_tenant_id */
         UPDATE enrollments SET tenant_id = $3
         WHERE workspace_id = $1 AND id = $2 AND tenant_id IS NOT DISTINCT FROM $4 AND status = $5",
        workspace_id as _,
        found.enrollment_id as _,
        tenant_id,
        found.tenant_id.as_deref(),
        found.status as _,
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let owner = LinkOwner { workspace_id, program_id, partner_id: found.partner_id };
    links::update_tenant_id_of_partner_links(conn, owner, Some(tenant_id)).await?;
    Ok(true)
}

/// Approves an invited enrollment. Returns false when the enrollment is no longer invited or the invitation has
/// expired.
pub(super) async fn accept_invitation(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* enrollments::accept_invitation */
         UPDATE enrollments SET status = 'approved', invite_expires_at = NULL
         WHERE workspace_id = $1 AND id = $2 AND status = 'invited' AND invite_expires_at > $3",
        workspace_id as _,
        id as _,
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The state in which a caller has found an enrollment.
pub(super) struct ExpectedState<'a> {
    pub(super) id: EnrollmentId,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) status: Status,
}

/// The result of revoking the tokens of an enrollment.
pub(super) struct RevokedTokens {
    /// The epoch of tokens that are minted from now on.
    pub(super) token_epoch: i32,
    /// True if the metadata has changed.
    pub(super) replaces_metadata: bool,
}

/// Revokes all tokens of an enrollment and replaces the metadata, if given. `None` when the enrollment is no longer in the
/// expected state.
pub(super) async fn revoke_tokens(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    expected: ExpectedState<'_>,
    metadata: Option<&Metadata>,
) -> Result<Option<RevokedTokens>> {
    let revoked = sqlx::query_as!(
        RevokedTokens,
        r#"/* enrollments::revoke_tokens */
         WITH before AS (
             SELECT id, metadata FROM enrollments
             WHERE workspace_id = $1 AND id = $2 AND status = $3 AND tenant_id IS NOT DISTINCT FROM $4
             FOR NO KEY UPDATE
         )
         UPDATE enrollments e SET token_epoch = e.token_epoch + 1, metadata = COALESCE($5, before.metadata)
         FROM before
         WHERE e.workspace_id = $1 AND e.id = before.id
         RETURNING e.token_epoch, e.metadata <> before.metadata AS "replaces_metadata!""#,
        workspace_id as _,
        expected.id as _,
        expected.status as _,
        expected.tenant_id,
        metadata.map(Json) as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(revoked)
}

/// A partner whose tokens were revoked.
#[derive(Debug)]
pub struct RevokedPartner {
    pub partner_id: PartnerId,
    /// The epoch of tokens that are minted from now on.
    pub token_epoch: i32,
}

/// Revokes all tokens of a partner. `None` when the partner is not enrolled.
pub async fn revoke_partner_tokens(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner: &PartnerRef,
) -> Result<Option<RevokedPartner>> {
    let revoked = sqlx::query_as!(
        RevokedPartner,
        r#"/* enrollments::revoke_partner_tokens */
         UPDATE enrollments SET token_epoch = token_epoch + 1
         WHERE workspace_id = $1 AND program_id = $2 AND (partner_id = $3 OR tenant_id = $4)
         RETURNING partner_id AS "partner_id: PartnerId", token_epoch"#,
        scope.workspace_id as _,
        scope.program_id as _,
        partner.partner_id() as _,
        partner.tenant_id(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(revoked)
}

/// Invites a partner again. Returns false when the enrollment no longer has the expected status.
pub(super) async fn renew_invitation(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
    expected: Status,
    expires_at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "/* enrollments::renew_invitation */
         UPDATE enrollments SET status = 'invited', invite_expires_at = $4
         WHERE workspace_id = $1 AND id = $2 AND status = $3",
        workspace_id as _,
        id as _,
        expected as _,
        expires_at as _,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The data of an enrollment from which its default links are created.
#[derive(Debug)]
pub(super) struct LinkTerms {
    pub(super) program_id: ProgramId,
    pub(super) partner_id: PartnerId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) username: Option<String>,
}

/// Locks an enrollment and its group until the end of the transaction, and returns the data for default links. No other
/// transaction then creates links of the enrollment or changes its tenant id, its group or the terms of the group.
pub(super) async fn lock_link_terms(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
) -> Result<Option<LinkTerms>> {
    let row = sqlx::query_as!(
        LinkTerms,
        "/* enrollments::lock_link_terms */
         SELECT e.program_id, e.partner_id, e.group_id, e.tenant_id, p.email, p.name, p.username
         FROM enrollments e
         JOIN partners p ON p.workspace_id = $1 AND p.id = e.partner_id
         JOIN groups g ON g.workspace_id = $1 AND g.id = e.group_id
         WHERE e.workspace_id = $1 AND e.id = $2
         FOR NO KEY UPDATE OF e FOR KEY SHARE OF g",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Returns an enrollment with its partner.
pub(super) async fn find_enrolled_partner(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner_id: PartnerId,
) -> Result<Option<EnrolledPartnerRow>> {
    let row = sqlx::query_as!(
        EnrolledPartnerRow,
        r#"/* enrollments::find_enrolled_partner */
         SELECT p.id AS partner_id, p.name, p.username, p.email, p.image, p.description, p.country, p.company_name,
                p.paypal_email, p.website, p.youtube, p.twitter, p.linkedin, p.instagram, p.tiktok,
                e.program_id, e.group_id, e.tenant_id, e.created_at, e.status, e.application_id, e.banned_at,
                e.banned_reason, e.invite_expires_at, e.metadata AS "metadata: Json<Metadata>",
                COALESCE(s.total_clicks, 0) AS "total_clicks!", COALESCE(s.total_leads, 0) AS "total_leads!",
                COALESCE(s.total_conversions, 0) AS "total_conversions!",
                COALESCE(s.total_sales, 0) AS "total_sales!",
                COALESCE(s.total_sale_amount, 0) AS "total_sale_amount!",
                COALESCE(s.total_commissions, 0) AS "total_commissions!",
                COALESCE(s.net_revenue, 0) AS "net_revenue!"
         FROM enrollments e
         JOIN partners p ON p.workspace_id = $1 AND p.id = e.partner_id
         LEFT JOIN enrollment_stats s ON s.workspace_id = $1 AND s.program_id = $2 AND s.enrollment_id = e.id
         WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = $3"#,
        scope.workspace_id as _,
        scope.program_id as _,
        partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}
