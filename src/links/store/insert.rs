//! New links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use crate::error::Result;
use crate::links::model::{ExternalId, LinkOwner, NewLink};
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
    // In the order of their keys: two transactions that insert several links must not wait for each other.
    let mut links: Vec<(String, &NewLink)> = links.iter().map(|link| (link.key.folded(), link)).collect();
    links.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let ids: Vec<LinkId> = links.iter().map(|(_, link)| link.id).collect();
    let keys: Vec<&str> = links.iter().map(|(_, link)| link.key.as_str()).collect();
    let folded: Vec<&str> = links.iter().map(|(folded, _)| folded.as_str()).collect();
    let urls: Vec<&str> = links.iter().map(|(_, link)| link.url.as_str()).collect();
    let default_links: Vec<Option<GroupDefaultLinkId>> = links.iter().map(|(_, link)| link.default_link_id).collect();
    let external_ids: Vec<Option<&str>> =
        links.iter().map(|(_, link)| link.external_id.as_ref().map(ExternalId::as_str)).collect();
    let inserted = sqlx::query_scalar!(
        r#"/* links::insert_links */
         SELECT insert_links($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                             $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38,
                             $39, $40) AS "inserted!: Vec<LinkId>""#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        domain_id as _,
        tenant_id,
        &ids as _,
        &keys as _,
        &folded as _,
        &urls as _,
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
    .fetch_one(conn)
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
         ORDER BY l.id, t.id
         ON CONFLICT DO NOTHING",
        workspace_id as _,
        links as _,
        tags as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
