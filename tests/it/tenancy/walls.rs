//! The walls between tenants in the schema: row level security, composite foreign keys, and an application role that
//! bypasses neither. The tests read PostgreSQL's catalogue, so that a new table is checked too, and remove each wall in
//! turn to show that its absence is noticed. (The wall in the types is the example in `src/db/tenant.rs`.)
#![expect(
    clippy::disallowed_methods,
    reason = "the catalogue is no part of the schema that queries are checked against"
)]

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::support::app::TestApp;

/// The tables without a tenant, and the tables in which a tenant is looked up.
pub(super) const GLOBAL_TABLES: [&str; 5] =
    ["_sqlx_migrations", "api_keys", "link_hosts", "signing_keys", "workspaces"];

/// The keys of tables that are read before the tenant is known, each by its own look-up value.
const GLOBAL_KEYS: &str = "'api_keys_pkey', 'link_hosts_pkey'";

/// Returns one statement for each wall, which lists the holes in that wall.
fn searches() -> [String; 8] {
    let global = GLOBAL_TABLES.map(|table| format!("'{table}'")).join(", ");
    let tenant_tables = format!(
        "(SELECT * FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
          AND relname NOT IN ({global})) t"
    );
    [
        format!("SELECT relname || ' has no row level security' FROM {tenant_tables} WHERE NOT relrowsecurity"),
        format!("SELECT relname || ' does not force it on its owner' FROM {tenant_tables} WHERE NOT relforcerowsecurity"),
        // One policy, for every command and role, that evaluates the workspace once in a statement.
        format!(
            "SELECT relname || ' has another policy than the one' FROM {tenant_tables} WHERE NOT EXISTS (
                 SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND polpermissive AND polcmd = '*' AND polroles = '{{0}}'
                 AND polwithcheck IS NULL AND pg_get_expr(polqual, polrelid) =
                     '(workspace_id = ( SELECT current_workspace_id() AS current_workspace_id))')
             OR (SELECT count(*) FROM pg_policy p WHERE p.polrelid = t.oid) <> 1"
        ),
        "SELECT oid::regprocedure || ' runs with the rights of its owner' FROM pg_proc
         WHERE prosecdef AND pronamespace = 'public'::regnamespace".to_owned(),
        "SELECT relname || ' is a view, which reads with the rights of its owner' FROM pg_class
         WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace".to_owned(),
        "SELECT 'the role of the application ' || what FROM pg_roles r, LATERAL (VALUES
             ('is a superuser', rolsuper), ('passes by row level security', rolbypassrls),
             ('is a member of another role', EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)),
             ('owns a table', EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)),
             ('may empty a table', EXISTS (SELECT FROM pg_class WHERE has_table_privilege(r.oid, oid, 'TRUNCATE')
                                           AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')))
         ) wrong (what, is_so) WHERE rolname = 'pearset_app' AND is_so".to_owned(),
        // A plain key would let a row refer to a row of another tenant: foreign keys ignore row level security.
        "SELECT c.conname || ' does not begin with the workspace' FROM pg_constraint c
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
         WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
           AND (a.attname <> CASE WHEN c.conrelid = 'workspaces'::regclass THEN 'id' ELSE 'workspace_id' END
             OR f.attname <> CASE WHEN c.confrelid = 'workspaces'::regclass THEN 'id' ELSE 'workspace_id' END)".to_owned(),
        format!(
            "SELECT i.indexrelid::regclass || ' does not begin with the workspace' FROM pg_index i
             JOIN pg_class t ON t.oid = i.indrelid AND t.relnamespace = 'public'::regnamespace
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
             WHERE i.indisunique AND t.relname NOT IN ('_sqlx_migrations', 'signing_keys', 'workspaces')
               AND i.indexrelid::regclass::text NOT IN ({GLOBAL_KEYS}) AND a.attname IS DISTINCT FROM 'workspace_id'"
        ),
    ]
}

async fn holes(sql: &mut PgConnection) -> BTreeSet<String> {
    let mut holes = BTreeSet::new();
    for search in searches() {
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(search)).fetch_all(&mut *sql).await.unwrap();
        holes.extend(found);
    }
    holes
}

#[tokio::test]
async fn walls_have_no_hole() {
    let app = TestApp::start().await;
    assert_eq!(holes(&mut app.sql().await).await, BTreeSet::new());
}

/// Changes of the schema that make a hole, each with its description.
const HOLES: [(&str, &str); 15] = [
    ("ALTER TABLE partners DISABLE ROW LEVEL SECURITY", "partners has no row level security"),
    ("ALTER TABLE links NO FORCE ROW LEVEL SECURITY", "links does not force it on its owner"),
    ("DROP POLICY tenant ON tags", "tags has another policy than the one"),
    ("ALTER POLICY tenant ON groups USING (true)", "groups has another policy than the one"),
    ("ALTER POLICY tenant ON outbox WITH CHECK (true)", "outbox has another policy than the one"),
    ("CREATE POLICY more ON domains FOR SELECT USING (true)", "domains has another policy than the one"),
    (
        "CREATE TABLE clicks (workspace_id uuid, id uuid, PRIMARY KEY (workspace_id, id))",
        "clicks has no row level security",
    ),
    (
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER RETURN (SELECT count(*) FROM partners)",
        "peek() runs with the rights of its owner",
    ),
    (
        "CREATE VIEW everybody AS SELECT * FROM partners",
        "everybody is a view, which reads with the rights of its owner",
    ),
    ("ALTER ROLE pearset_app BYPASSRLS", "the role of the application passes by row level security"),
    ("GRANT pearset TO pearset_app", "the role of the application is a member of another role"),
    ("ALTER TABLE tags OWNER TO pearset_app", "the role of the application owns a table"),
    ("GRANT TRUNCATE ON links TO pearset_app", "the role of the application may empty a table"),
    (
        "ALTER TABLE tags ADD CONSTRAINT tags_id_key UNIQUE (id);
         ALTER TABLE link_tags ADD CONSTRAINT plain_fkey FOREIGN KEY (tag_id) REFERENCES tags (id)",
        "plain_fkey does not begin with the workspace",
    ),
    ("CREATE UNIQUE INDEX emails ON partners (email_normalized)", "emails does not begin with the workspace"),
];

#[tokio::test]
async fn every_hole_in_the_walls_is_found() {
    let app = TestApp::start().await;
    let sql = &mut app.sql().await;
    for (hole, description) in HOLES {
        // Without the reverse grant, the grant would not be circular.
        let hole =
            format!("BEGIN; {}", hole.replace("GRANT pearset TO", "REVOKE pearset_app FROM pearset; GRANT pearset TO"));
        sql.execute(AssertSqlSafe(hole.clone())).await.unwrap();
        let found = holes(sql).await;
        assert!(found.contains(description), "{hole}: {found:?}");
        sql.execute("ROLLBACK").await.unwrap();
    }
}
