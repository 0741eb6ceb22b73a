//! New links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::links::model::{LinkOwner, NewLink};
use crate::links::settings::LinkSettings;
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, GroupDefaultLinkId, LinkId, TagId, WorkspaceId};

/// Inserts links of one partner and returns the ids of those for which there was a place: a taken key, a taken
/// external id or a default link that the partner has already leave one out.
pub(crate) async fn insert_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    domain_id: DomainId,
    tenant_id: Option<&str>,
    links: &[NewLink],
    settings: &LinkSettings,
    now: Timestamp,
) -> Result<Vec<LinkId>> {
    let ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
    let keys: Vec<String> = links.iter().map(|link| link.key.as_str().to_owned()).collect();
    let folded: Vec<String> = links.iter().map(|link| link.key.folded()).collect();
    let urls: Vec<String> = links.iter().map(|link| link.url.clone()).collect();
    let default_links: Vec<Option<GroupDefaultLinkId>> = links.iter().map(|link| link.default_link_id).collect();
    let external_ids: Vec<Option<String>> =
        links.iter().map(|link| link.external_id.as_ref().map(|id| id.as_str().to_owned())).collect();
    let inserted = sqlx::query_scalar!(
        "/* links::insert_links */
         INSERT INTO links (workspace_id, program_id, partner_id, domain_id, tenant_id,
                            id, key, key_folded, url, group_default_link_id, external_id,
                            archived, comments, expires_at, expired_url, password_hash, proxy,
                            title, description, image, video, rewrite, ios, android, do_index,
                            test_variants, test_started_at, test_completed_at,
                            track_conversion, public_stats, geo,
                            utm_source, utm_medium, utm_campaign, utm_term, utm_content,
                            direct_tracking, direct_tracking_redirect, direct_tracking_redirect_url,
                            created_at, updated_at)
         SELECT $1, $2, $3, $4, $5,
                l.id, l.key, l.key_folded, l.url, l.group_default_link_id, l.external_id,
                $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
                $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $29, $29
         FROM unnest($6::uuid[], $7::text[], $8::text[], $9::text[], $10::uuid[], $11::text[])
              AS l (id, key, key_folded, url, group_default_link_id, external_id)
         ORDER BY l.key_folded
         ON CONFLICT DO NOTHING
         RETURNING id",
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        domain_id as _,
        tenant_id,
        &ids as _,
        &keys,
        &folded,
        &urls,
        &default_links as _,
        &external_ids as _,
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
        now as _,
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
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted)
}

/// Puts tags on links. Whoever calls it holds the tags (`tags::resolve`), and the links are its own.
pub(crate) async fn insert_link_tags(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    links: &[LinkId],
    tags: &[TagId],
) -> Result<()> {
    sqlx::query!(
        "/* links::insert_link_tags */
         INSERT INTO link_tags (workspace_id, link_id, tag_id)
         SELECT $1, l.id, t.id FROM unnest($2::uuid[]) AS l (id), unnest($3::uuid[]) AS t (id)
         ORDER BY l.id, t.id",
        workspace_id as _,
        links as _,
        tags as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
