//! Reading links.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use std::collections::HashMap;

use sqlx::PgConnection;
use sqlx::types::Json;

use crate::error::Result;
use crate::links::model::{ExternalId, KeyRef, Link, LinkOwner, LinkRow, PartnerLink};
use crate::tags::Tag;
use crate::values::ProgramScope;
use crate::values::id::{GroupDefaultLinkId, LinkId, PartnerId, WorkspaceId};

/// Lists the default links for which a partner has links.
pub(in crate::links) async fn list_default_link_ids(
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

/// Returns whether a link of the workspace has an external id.
pub(in crate::links) async fn external_id_exists(
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

/// Lists the links of a partner in a program, oldest first.
pub async fn list_partner_links(conn: &mut PgConnection, owner: LinkOwner) -> Result<Vec<PartnerLink>> {
    let rows = sqlx::query_as!(
        LinkRow,
        r#"/* links::list_partner_links */
         SELECT l.id, d.host, d.url_prefix, l.key, l.url, COALESCE(s.clicks, 0) AS "clicks!",
                COALESCE(s.leads, 0) AS "leads!", COALESCE(s.conversions, 0) AS "conversions!",
                COALESCE(s.sales, 0) AS "sales!", COALESCE(s.sale_amount, 0) AS "sale_amount!"
         FROM links l
         JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
         LEFT JOIN link_stats s ON s.workspace_id = $1 AND s.link_id = l.id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = $3
         ORDER BY l.created_at, l.id"#,
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(PartnerLink::from).collect())
}

/// Finds a link by its external id.
pub(in crate::links) async fn find_id_by_external_id(
    conn: &mut PgConnection,
    scope: ProgramScope,
    external_id: &ExternalId,
) -> Result<Option<LinkId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_id_by_external_id */
         SELECT id FROM links WHERE workspace_id = $1 AND program_id = $2 AND external_id = $3",
        scope.workspace_id as _,
        scope.program_id as _,
        external_id.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Finds a link by its key: the link on the default domain, else the oldest.
pub(in crate::links) async fn find_id_by_key(
    conn: &mut PgConnection,
    scope: ProgramScope,
    key: &KeyRef,
) -> Result<Option<LinkId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_id_by_key */
         SELECT l.id FROM domains d
         JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
         JOIN links l ON l.workspace_id = $1 AND l.domain_id = d.id AND l.key_folded = $3
         WHERE d.workspace_id = $1 AND d.program_id = $2 AND (d.host = $4 OR $4 IS NULL)
         ORDER BY d.id = p.default_domain_id DESC, l.created_at, l.id LIMIT 1",
        scope.workspace_id as _,
        scope.program_id as _,
        key.key_folded,
        key.host.as_deref(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Finds the oldest link of a partner that points to a URL.
pub(in crate::links) async fn find_id_by_url(
    conn: &mut PgConnection,
    owner: LinkOwner,
    url: &str,
) -> Result<Option<LinkId>> {
    let id = sqlx::query_scalar!(
        "/* links::find_id_by_url */
         SELECT id FROM links WHERE workspace_id = $1 AND program_id = $2 AND partner_id = $3 AND url = $4
         ORDER BY created_at, id LIMIT 1",
        owner.workspace_id as _,
        owner.program_id as _,
        owner.partner_id as _,
        url,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}

/// Finds a link with all columns, its domain and its tags.
pub(in crate::links) async fn find_link(
    conn: &mut PgConnection,
    scope: ProgramScope,
    id: LinkId,
) -> Result<Option<Link>> {
    let row = sqlx::query!(
        r#"/* links::find_link */
         SELECT l.id, l.partner_id, l.tenant_id, l.domain_id, d.host, d.url_prefix, d.is_additional, l.key, l.url,
                l.external_id, l.settings, l.disabled_at,
                COALESCE(s.clicks, 0) AS "clicks!", COALESCE(s.leads, 0) AS "leads!",
                COALESCE(s.conversions, 0) AS "conversions!", COALESCE(s.sales, 0) AS "sales!",
                COALESCE(s.sale_amount, 0) AS "sale_amount!", s.last_clicked AS "last_clicked?",
                l.created_at, l.updated_at,
                EXISTS (
                    SELECT FROM enrollments e
                    JOIN group_default_links g ON g.workspace_id = $1 AND g.group_id = e.group_id
                    WHERE e.workspace_id = $1 AND e.program_id = $2
                      AND e.partner_id = l.partner_id AND g.id = l.group_default_link_id AND g.removed_at IS NULL
                ) AS "is_default!",
                (SELECT COALESCE(json_agg(json_build_object('id', t.id, 'name', t.name, 'color', t.color)
                                          ORDER BY t.name_folded), '[]')
                 FROM link_tags m JOIN tags t ON t.workspace_id = $1 AND t.id = m.tag_id
                 WHERE m.workspace_id = $1 AND m.link_id = l.id) AS "tags!: Json<Vec<Tag>>"
         FROM links l
         JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
         LEFT JOIN link_stats s ON s.workspace_id = $1 AND s.link_id = l.id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.id = $3"#,
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Link {
        id: row.id,
        owner: LinkOwner { workspace_id: scope.workspace_id, program_id: scope.program_id, partner_id: row.partner_id },
        tenant_id: row.tenant_id,
        domain_id: row.domain_id,
        host: row.host,
        url_prefix: row.url_prefix,
        is_additional: row.is_additional,
        key: row.key,
        url: row.url,
        external_id: row.external_id,
        is_default: row.is_default,
        settings: row.settings.0,
        tags: row.tags.0,
        disabled_at: row.disabled_at,
        clicks: row.clicks,
        leads: row.leads,
        conversions: row.conversions,
        sales: row.sales,
        sale_amount: row.sale_amount,
        last_clicked: row.last_clicked,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }))
}

/// Lists the links of several partners in a program, for each partner oldest first.
pub async fn list_links_of_partners(
    conn: &mut PgConnection,
    scope: ProgramScope,
    partner_ids: &[PartnerId],
) -> Result<HashMap<PartnerId, Vec<PartnerLink>>> {
    let rows = sqlx::query!(
        r#"/* links::list_links_of_partners */
         SELECT l.partner_id, l.id, d.host, d.url_prefix, l.key, l.url, COALESCE(s.clicks, 0) AS "clicks!",
                COALESCE(s.leads, 0) AS "leads!", COALESCE(s.conversions, 0) AS "conversions!",
                COALESCE(s.sales, 0) AS "sales!", COALESCE(s.sale_amount, 0) AS "sale_amount!"
         FROM links l
         JOIN domains d ON d.workspace_id = $1 AND d.id = l.domain_id
         LEFT JOIN link_stats s ON s.workspace_id = $1 AND s.link_id = l.id
         WHERE l.workspace_id = $1 AND l.program_id = $2 AND l.partner_id = ANY ($3)
         ORDER BY l.created_at, l.id"#,
        scope.workspace_id as _,
        scope.program_id as _,
        partner_ids as _,
    )
    .fetch_all(conn)
    .await?;
    let mut links: HashMap<PartnerId, Vec<PartnerLink>> = HashMap::with_capacity(partner_ids.len());
    for row in rows {
        let link = LinkRow {
            id: row.id,
            host: row.host,
            url_prefix: row.url_prefix,
            key: row.key,
            url: row.url,
            clicks: row.clicks,
            leads: row.leads,
            conversions: row.conversions,
            sales: row.sales,
            sale_amount: row.sale_amount,
        };
        links.entry(row.partner_id).or_default().push(link.into());
    }
    Ok(links)
}
