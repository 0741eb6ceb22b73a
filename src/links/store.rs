//! Queries on `links`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{ExternalId, LinkOwner, LinkRow, LinkSettings, NewLink, PartnerLink};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::http_url::HttpUrl;
use crate::id::{DomainId, GroupDefaultLinkId, LinkId, WorkspaceId};
use crate::validation::Bounded;

/// Inserts links of one partner and returns the ids of those for which there was a place: a taken key, a taken
/// external id or a default link that the partner has already leave one out.
pub(super) async fn insert_links(
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
                            test_variants, test_started_at, test_completed_at, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5,
                l.id, l.key, l.key_folded, l.url, l.group_default_link_id, l.external_id,
                $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $29
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
        settings.comments.as_ref().map(Bounded::as_str),
        settings.expires_at as _,
        settings.expired_url.as_ref().map(HttpUrl::as_str),
        settings.password_hash.as_deref(),
        settings.proxy,
        settings.title.as_ref().map(Bounded::as_str),
        settings.description.as_ref().map(Bounded::as_str),
        settings.image.as_ref().map(HttpUrl::as_str),
        settings.video.as_ref().map(HttpUrl::as_str),
        settings.rewrite,
        settings.ios.as_ref().map(HttpUrl::as_str),
        settings.android.as_ref().map(HttpUrl::as_str),
        settings.do_index,
        settings.test_variants.as_ref().map(Json) as _,
        settings.test_started_at as _,
        settings.test_completed_at as _,
        now as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(inserted)
}

/// Which default links of a group the partner has.
pub(super) async fn list_default_link_ids(
    conn: &mut PgConnection,
    owner: LinkOwner,
) -> Result<Vec<GroupDefaultLinkId>> {
    let ids = sqlx::query_scalar!(
        r#"/* links::list_default_link_ids */
         SELECT group_default_link_id AS "id!: GroupDefaultLinkId" FROM links
         WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3 AND group_default_link_id IS NOT NULL"#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// Whether a link of the workspace has this id in the customer's system.
pub(super) async fn external_id_exists(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    external_id: &ExternalId,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"/* links::external_id_exists */
         SELECT EXISTS (SELECT FROM links WHERE workspace_id = $1 AND external_id = $2) AS "exists!""#,
        workspace_id as _,
        external_id.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// The links of a partner in a program, oldest first.
pub async fn list_partner_links(conn: &mut PgConnection, owner: LinkOwner) -> Result<Vec<PartnerLink>> {
    let rows = sqlx::query_as!(
        LinkRow,
        "/* links::list_partner_links */
         SELECT l.id, d.host, d.url_prefix, l.key, l.url, l.clicks, l.leads, l.conversions, l.sales, l.sale_amount
         FROM links l JOIN domains d ON d.workspace_id = l.workspace_id AND d.id = l.domain_id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = $3
         ORDER BY l.created_at, l.id",
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(PartnerLink::from).collect())
}
