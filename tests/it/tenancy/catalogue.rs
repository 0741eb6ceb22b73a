//! The isolation of tenants in the schema, read from PostgreSQL's catalogue, so that a new table is checked too.
#![expect(
    clippy::disallowed_methods,
    reason = "the catalogue is no part of the schema that queries are checked against"
)]

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::two_tenants::{TwoTenants, arrange_side_tables, shared_partner};
use crate::support::app::TestApp;

/// The tables without a tenant.
const GLOBAL_TABLES: [&str; 3] = ["_sqlx_migrations", "signing_keys", "workspaces"];

#[derive(Debug, sqlx::FromRow)]
struct ForeignKey {
    name: String,
    table_name: String,
    columns: Vec<String>,
    target: String,
    target_columns: Vec<String>,
    /// The columns that could refer to a row of another tenant, and the targets of these columns: all columns except
    /// the tenant's column and the row's own id.
    movable: Vec<String>,
    movable_targets: Vec<String>,
}

async fn foreign_keys(sql: &mut PgConnection) -> Vec<ForeignKey> {
    let query = "
        SELECT c.conname::text AS name, c.conrelid::regclass::text AS table_name, c.confrelid::regclass::text AS target,
               array_agg(a.attname::text ORDER BY k.position) AS columns,
               array_agg(f.attname::text ORDER BY k.position) AS target_columns,
               coalesce(array_agg(a.attname::text ORDER BY k.position) FILTER (WHERE movable), '{}') AS movable,
               coalesce(array_agg(f.attname::text ORDER BY k.position) FILTER (WHERE movable), '{}') AS movable_targets
        FROM pg_constraint c
        CROSS JOIN unnest(c.conkey, c.confkey) WITH ORDINALITY k (number, target_number, position)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
        JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = k.target_number
        CROSS JOIN LATERAL (SELECT k.position > 1 AND a.attname <> 'id' AS movable) m
        WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
        GROUP BY c.oid ORDER BY 1";
    sqlx::query_as(query).fetch_all(sql).await.unwrap()
}

#[tokio::test]
async fn every_tenant_table_has_a_workspace_id() {
    let app = TestApp::start().await;
    let query = "
        SELECT t.relname::text, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
                                        AND a.attname = 'workspace_id' AND a.attnotnull)
        FROM pg_class t WHERE t.relkind IN ('r', 'p') AND t.relnamespace = 'public'::regnamespace";
    let tables: Vec<(String, bool)> = sqlx::query_as(query).fetch_all(&mut app.sql().await).await.unwrap();
    let without: BTreeSet<&str> = tables.iter().filter(|(_, has)| !has).map(|(name, _)| name.as_str()).collect();
    assert_eq!(without, GLOBAL_TABLES.into());
}

/// The references in tables that are read before the workspace is known. A foreign key from such a table to a table of
/// a workspace could not exist where tables are distributed, so the writer checks the reference. `tests/shared/never.rs`
/// looks for references without a target, and `tests/it/programs/global_references.rs` tries to create one.
const GLOBAL_REFERENCES: [&str; 3] = ["api_keys.program_id", "link_hosts.domain_id", "workspaces.default_program_id"];

/// Without a foreign key nothing would reject a row of another workspace.
#[tokio::test]
async fn every_reference_is_a_foreign_key() {
    let app = TestApp::start().await;
    let query = "
        SELECT a.attrelid::regclass::text || '.' || a.attname
        FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'p')
        WHERE t.relnamespace = 'public'::regnamespace AND a.atttypid = 'uuid'::regtype
          AND a.attname NOT IN ('id', 'workspace_id')
          -- An application is the enrollment itself, by another name. `follow_after` is a place in the order of ids.
          AND (a.attrelid::regclass::text, a.attname)
              NOT IN (('enrollments', 'application_id'), ('groups', 'follow_after'))
          AND NOT EXISTS (SELECT FROM pg_constraint c
                          WHERE c.contype = 'f' AND c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey))";
    let loose: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut app.sql().await).await.unwrap();
    assert_eq!(loose.iter().map(String::as_str).collect::<BTreeSet<_>>(), GLOBAL_REFERENCES.into());
}

/// Each foreign key is tried alone, without the other foreign keys.
#[tokio::test]
async fn no_row_can_refer_to_a_row_of_another_workspace() {
    let tenants = TwoTenants::start().await;
    tenants.post("/partners", shared_partner()).await.expect(201);
    let sql = &mut tenants.app.sql().await;
    arrange_side_tables(sql, &tenants.a).await;
    let keys = foreign_keys(sql).await;
    let mut tried = 0;
    for key in keys.iter().filter(|key| key.target != "workspaces") {
        sql.execute("BEGIN").await.unwrap();
        for other in keys.iter().filter(|other| other.name != key.name) {
            let drop = format!("ALTER TABLE {} DROP CONSTRAINT {}", other.table_name, other.name);
            sql.execute(AssertSqlSafe(drop)).await.unwrap();
        }
        sql.execute("SET CONSTRAINTS ALL IMMEDIATE").await.unwrap();
        let ForeignKey { name, table_name, target, movable, movable_targets, .. } = key;
        let (tenant, target_tenant) = (&key.columns[0], &key.target_columns[0]);
        let update = format!(
            "UPDATE {table_name} SET ({}) = (SELECT {} FROM {target} WHERE {target_tenant} = $2 LIMIT 1)
             WHERE ctid = (SELECT ctid FROM {table_name} WHERE {tenant} = $1 LIMIT 1)",
            movable.join(", "),
            movable_targets.join(", ")
        );
        let update = sqlx::query(AssertSqlSafe(update)).bind(tenants.a.id).bind(tenants.b.id);
        let refused = update.execute(&mut *sql).await.expect_err(name);
        let constraint = refused.as_database_error().and_then(|error| error.constraint());
        assert_eq!(constraint, Some(name.as_str()), "{refused}");
        sql.execute("ROLLBACK").await.unwrap();
        tried += 1;
    }
    assert!(tried > 10, "only {tried} foreign keys were tried");
}
