//! Changes to links. Whoever changes a link holds its enrollment (`lock_owner_of`).
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::links::key;
use crate::links::model::Link;
use crate::values::clock::Timestamp;
use crate::values::id::{LinkId, ProgramId, WorkspaceId};

/// Holds off whoever else wants to change the links of the partner who has this one, until the end of the
/// transaction. False when there is no such link.
pub(crate) async fn lock_owner_of(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    id: LinkId,
) -> Result<bool> {
    let row = sqlx::query_scalar!(
        "/* links::lock_owner_of */
         SELECT e.id FROM links l
         JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = l.program_id
                           AND e.partner_id = l.partner_id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.id = $3
         FOR NO KEY UPDATE OF e",
        workspace_id as _,
        program_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.is_some())
}

/// Writes a link as it now is.
pub(crate) async fn update_link(conn: &mut PgConnection, link: &Link, now: Timestamp) -> Result<()> {
    let settings = &link.settings;
    sqlx::query!(
        "/* links::update_link */
         UPDATE links
         SET domain_id = $3, key = $4, key_folded = $5, url = $6, external_id = $7, archived = $8, comments = $9,
             expires_at = $10, expired_url = $11, password_hash = $12, proxy = $13, title = $14, description = $15,
             image = $16, video = $17, rewrite = $18, ios = $19, android = $20, do_index = $21, test_variants = $22,
             test_started_at = $23, test_completed_at = $24, track_conversion = $25, public_stats = $26, geo = $27,
             utm_source = $28, utm_medium = $29, utm_campaign = $30, utm_term = $31, utm_content = $32,
             direct_tracking = $33, direct_tracking_redirect = $34, direct_tracking_redirect_url = $35,
             updated_at = $36
         WHERE workspace_id = $1 AND id = $2",
        link.owner.workspace_id as _,
        link.id as _,
        link.domain_id as _,
        link.key,
        key::fold(&link.key),
        link.url,
        link.external_id.as_deref(),
        settings.archived,
        settings.comments.as_deref(),
        settings.expires_at as _,
        settings.expired_url.as_deref(),
        settings.password.as_deref(),
        settings.proxy,
        settings.title.as_deref(),
        settings.description.as_deref(),
        settings.image.as_deref(),
        settings.video.as_deref(),
        settings.rewrite,
        settings.ios.as_deref(),
        settings.android.as_deref(),
        settings.do_index,
        settings.test_variants.as_ref(),
        settings.test_started_at as _,
        settings.test_completed_at as _,
        settings.track_conversion,
        settings.public_stats,
        settings.geo.as_ref(),
        settings.utm_source.as_deref(),
        settings.utm_medium.as_deref(),
        settings.utm_campaign.as_deref(),
        settings.utm_term.as_deref(),
        settings.utm_content.as_deref(),
        settings.direct_tracking,
        settings.direct_tracking_redirect,
        settings.direct_tracking_redirect_url.as_deref(),
        now as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes all tags off a link.
pub(crate) async fn delete_link_tags(conn: &mut PgConnection, workspace_id: WorkspaceId, id: LinkId) -> Result<()> {
    sqlx::query!(
        "/* links::delete_link_tags */ DELETE FROM link_tags WHERE workspace_id = $1 AND link_id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a link.
pub(crate) async fn delete_link(conn: &mut PgConnection, workspace_id: WorkspaceId, id: LinkId) -> Result<()> {
    sqlx::query!(
        "/* links::delete_link */ DELETE FROM links WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
