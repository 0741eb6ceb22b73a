//! Queries on `domains` and `link_hosts`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::address::LinkAddress;
use super::model::{Domain, NewDomain};
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::DomainId;

/// Inserts a domain, and binds a host that Pearset serves to the workspace.
pub async fn insert_domain(
    conn: &mut PgConnection,
    scope: ProgramScope,
    domain: NewDomain<'_>,
    now: Timestamp,
) -> Result<()> {
    let NewDomain { id, address, is_additional } = domain;
    sqlx::query!(
        "/* domains::insert_domain */
         INSERT INTO domains (workspace_id, id, program_id, host, url_prefix, is_additional, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        scope.workspace_id as _,
        id as _,
        scope.program_id as _,
        address.host(),
        address.url_prefix(),
        is_additional,
        now as _,
    )
    .execute(&mut *conn)
    .await?;
    if let LinkAddress::Served { host, .. } = address {
        sqlx::query!(
            "/* domains::insert_link_host */
             INSERT INTO link_hosts (host, workspace_id, domain_id) VALUES ($1, $2, $3)",
            host.as_str(),
            scope.workspace_id as _,
            id as _,
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}

/// Lists a page of the domains of a program, the default domain first, then oldest first.
pub async fn list_domains(
    conn: &mut PgConnection,
    scope: ProgramScope,
    limit: i64,
    offset: i64,
) -> Result<Vec<Domain>> {
    let rows = sqlx::query_as!(
        Domain,
        r#"/* domains::list_domains */
         SELECT d.id, d.program_id, d.host, d.url_prefix, d.is_additional, d.id = p.default_domain_id AS "is_default!"
         FROM domains d JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
         WHERE d.workspace_id = $1 AND d.program_id = $2
         ORDER BY d.id = p.default_domain_id DESC, d.id
         LIMIT $3 OFFSET $4"#,
        scope.workspace_id as _,
        scope.program_id as _,
        limit,
        offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Finds a domain of a program: the default domain when `id` is `None`.
pub async fn find_domain(conn: &mut PgConnection, scope: ProgramScope, id: Option<DomainId>) -> Result<Option<Domain>> {
    let row = sqlx::query_as!(
        Domain,
        r#"/* domains::find_domain */
         SELECT d.id, d.program_id, d.host, d.url_prefix, d.is_additional, d.id = p.default_domain_id AS "is_default!"
         FROM programs p
         JOIN domains d ON d.workspace_id = $1 AND d.program_id = p.id
                       AND d.id = COALESCE($3, p.default_domain_id)
         WHERE p.workspace_id = $1 AND p.id = $2"#,
        scope.workspace_id as _,
        scope.program_id as _,
        id as _,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Finds the domain of a program on a host: the default domain if that is on the host, else the oldest.
pub async fn find_domain_by_host(conn: &mut PgConnection, scope: ProgramScope, host: &str) -> Result<Option<DomainId>> {
    let id = sqlx::query_scalar!(
        "/* domains::find_domain_by_host */
         SELECT d.id FROM domains d JOIN programs p ON p.workspace_id = $1 AND p.id = d.program_id
         WHERE d.workspace_id = $1 AND d.program_id = $2 AND d.host = $3
         ORDER BY d.id = p.default_domain_id DESC, d.id LIMIT 1",
        scope.workspace_id as _,
        scope.program_id as _,
        host,
    )
    .fetch_optional(conn)
    .await?;
    Ok(id)
}
