//! Statements that lock, change and delete rows of `partners`. New partners are inserted together with their
//! enrollment (`enrollments::insert_enrollment`).
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::changes::StoredProfile;
use crate::error::Result;
use crate::values::id::{PartnerId, WorkspaceId};

/// Locks a partner against deletion and new enrollments until the end of the transaction.
pub async fn lock_partner(conn: &mut PgConnection, workspace_id: WorkspaceId, id: PartnerId) -> Result<()> {
    sqlx::query!(
        "/* partners::lock_partner */ SELECT id FROM partners WHERE workspace_id = $1 AND id = $2 FOR UPDATE",
        workspace_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Deletes a locked partner, unless the partner is enrolled in a program.
pub async fn delete_unenrolled_partner(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: PartnerId,
) -> Result<()> {
    sqlx::query!(
        "/* partners::delete_unenrolled_partner */
         DELETE FROM partners p
         WHERE p.workspace_id = $1 AND p.id = $2
           AND NOT EXISTS (SELECT FROM enrollments e WHERE e.workspace_id = $1 AND e.partner_id = $2)",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the profile of a partner and locks the partner until the end of the transaction: another program may be
/// changing the same person.
pub async fn lock_profile(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    partner_id: PartnerId,
) -> Result<StoredProfile> {
    let row = sqlx::query_as!(
        StoredProfile,
        "/* partners::lock_profile */
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

/// Writes a profile that [`lock_profile`] has locked.
pub async fn update_profile(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    partner_id: PartnerId,
    profile: &StoredProfile,
) -> Result<()> {
    sqlx::query!(
        "/* partners::update_profile */
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
