//! Queries that change an enrolled partner.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::partners::{Metadata, StoredProfile};
use crate::values::id::{EnrollmentId, GroupId, PartnerId, ProgramId, WorkspaceId};

/// What of an enrollment can be changed.
#[derive(Debug)]
pub(super) struct LockedEnrollment {
    pub(super) id: EnrollmentId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) metadata: Json<Metadata>,
}

/// The enrollment of a partner, which nobody else changes until the end of the transaction.
pub(super) async fn lock_enrollment(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    partner_id: PartnerId,
) -> Result<Option<LockedEnrollment>> {
    let row = sqlx::query_as!(
        LockedEnrollment,
        r#"/* enrollments::lock_enrollment */
         SELECT id, group_id, tenant_id, metadata AS "metadata: Json<Metadata>"
         FROM enrollments WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3
         FOR NO KEY UPDATE"#,
        workspace_id as _,
        program_id as _,
        partner_id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// A person, whom nobody else changes until the end of the transaction: from another program, say.
pub(super) async fn lock_profile(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    partner_id: PartnerId,
) -> Result<StoredProfile> {
    let row = sqlx::query_as!(
        StoredProfile,
        "/* enrollments::lock_profile */
         SELECT name, image, description, country, company_name, website, youtube, twitter, linkedin, instagram, tiktok,
                paypal_email
         FROM partners WHERE workspace_id = $1 AND id = $2
         FOR NO KEY UPDATE",
        workspace_id as _,
        partner_id as _,
    )
    .fetch_one(conn)
    .await?;
    Ok(row)
}

/// Writes a profile that was locked.
pub(super) async fn update_profile(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    partner_id: PartnerId,
    profile: &StoredProfile,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::update_profile */
         UPDATE partners
         SET name = $3, image = $4, description = $5, country = $6, company_name = $7, website = $8, youtube = $9,
             twitter = $10, linkedin = $11, instagram = $12, tiktok = $13, paypal_email = $14
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        partner_id as _,
        profile.name.as_deref(),
        profile.image.as_deref(),
        profile.description.as_deref(),
        profile.country.as_deref(),
        profile.company_name.as_deref(),
        profile.website.as_deref(),
        profile.youtube.as_deref(),
        profile.twitter.as_deref(),
        profile.linkedin.as_deref(),
        profile.instagram.as_deref(),
        profile.tiktok.as_deref(),
        profile.paypal_email.as_deref(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes an enrollment that was locked.
pub(super) async fn update_enrollment(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    enrollment: &LockedEnrollment,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::update_enrollment */
         UPDATE enrollments SET group_id = $3, tenant_id = $4, metadata = $5 WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        enrollment.id as _,
        enrollment.group_id as _,
        enrollment.tenant_id.as_deref(),
        &enrollment.metadata as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether an enrollment of the program has this tenant id.
pub(super) async fn tenant_id_exists(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    tenant_id: &str,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"/* enrollments::tenant_id_exists */
         SELECT EXISTS (
             SELECT FROM enrollments WHERE workspace_id = $1 AND program_id = $2 AND tenant_id = $3
         ) AS "exists!""#,
        workspace_id as _,
        program_id as _,
        tenant_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}
