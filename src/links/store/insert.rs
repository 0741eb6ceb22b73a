//! Insertion of links and of their tags.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::links::model::{ExternalId, LinkOwner, NewLink};
use crate::links::settings::LinkSettings;
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, GroupDefaultLinkId, LinkId, TagId, WorkspaceId};

/// Inserts links of one partner and returns the ids of the inserted links. A link is left out if its key or its external
/// id is taken, or if the partner already has a link for the default link.
pub(in crate::links) async fn insert_links(
    conn: &mut PgConnection,
    owner: LinkOwner,
    domain_id: DomainId,
    tenant_id: Option<&str>,
    links: &[NewLink],
    settings: &LinkSettings,
    now: Timestamp,
) -> Result<Vec<LinkId>> {
    // Sorted by key: two transactions that insert several links must not wait for each other.
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
         SELECT insert_links($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS "inserted!: Vec<LinkId>""#,
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
        Json(settings) as _,
        now as _,
    )
    .fetch_one(conn)
    .await?;
    Ok(inserted)
}

/// Adds tags to links. The caller has locked the tags (`tags::resolve`) and has inserted or locked the links.
pub(in crate::links) async fn insert_link_tags(
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
