//! Insertion of links and of their tags.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::links::model::{ExternalId, LinkOwner, NewLink};
use crate::links::settings::LinkSettings;
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, GroupDefaultLinkId, LinkId, TagId, WorkspaceId};

/// Links as the arrays that a statement binds.
pub(crate) struct LinkRows<'a> {
    pub(crate) ids: Vec<LinkId>,
    pub(crate) keys: Vec<&'a str>,
    pub(crate) folded_keys: Vec<String>,
    pub(crate) urls: Vec<&'a str>,
    pub(crate) default_links: Vec<Option<GroupDefaultLinkId>>,
    pub(crate) external_ids: Vec<Option<&'a str>>,
}

impl<'a> LinkRows<'a> {
    /// Takes the links in the order of the keys, so that two transactions that insert several links do not wait for each
    /// other.
    pub(crate) fn of(links: &'a [NewLink]) -> Self {
        let mut links: Vec<(String, &NewLink)> = links.iter().map(|link| (link.key.folded(), link)).collect();
        links.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self {
            ids: links.iter().map(|(_, link)| link.id).collect(),
            keys: links.iter().map(|(_, link)| link.key.as_str()).collect(),
            urls: links.iter().map(|(_, link)| link.url.as_str()).collect(),
            default_links: links.iter().map(|(_, link)| link.default_link_id).collect(),
            external_ids: links.iter().map(|(_, link)| link.external_id.as_ref().map(ExternalId::as_str)).collect(),
            folded_keys: links.into_iter().map(|(folded, _)| folded).collect(),
        }
    }
}

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
    let rows = LinkRows::of(links);
    let inserted = sqlx::query_scalar!(
        r#"/* links::insert_links */
         SELECT insert_links($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS "inserted!: Vec<LinkId>""#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        domain_id as _,
        tenant_id,
        &rows.ids as _,
        &rows.keys as _,
        &rows.folded_keys as _,
        &rows.urls as _,
        &rows.default_links as _,
        &rows.external_ids as _,
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
