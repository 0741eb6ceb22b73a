//! The first minute of an installation, before PostgreSQL has gathered statistics.
#![expect(clippy::disallowed_methods, reason = "a plan is asked for with EXPLAIN")]

use std::time::Duration;

use pearset::testing::db::refresh_statistics;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tokio::time::sleep;

use super::fixtures::World;

const ENROLLMENTS: usize = 1_200;

/// Inserts partners and enrollments without gathering statistics.
async fn grow(world: &World) {
    let fill = format!(
        "INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
         SELECT workspaces.id, md5('p' || n)::uuid, n || '@example.com', n || '@example.com', now()
         FROM workspaces, generate_series(1, {ENROLLMENTS}) n;
         INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, tenant_id, status, created_at)
         SELECT workspace_id, md5('e' || n)::uuid, program_id, md5('p' || n)::uuid, id, 't' || n, 'approved', now()
         FROM groups, generate_series(1, {ENROLLMENTS}) n"
    );
    let mut conn = world.app.sql().await;
    conn.execute(AssertSqlSafe(fill)).await.unwrap();
    // A session reports its writes at its end.
    conn.close().await.unwrap();
}

async fn counted(conn: &mut PgConnection, table: &str) -> f32 {
    let text = format!("SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass");
    sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(conn).await.unwrap()
}

/// Returns the index by which a generic plan finds the enrollment with a tenant id.
async fn plan(conn: &mut PgConnection) -> String {
    let explain = "SET plan_cache_mode = force_generic_plan;
                   DEALLOCATE ALL;
                   PREPARE look_up (uuid, uuid, text) AS
                   SELECT FROM enrollments WHERE workspace_id = $1 AND program_id = $2 AND tenant_id = $3";
    conn.execute(explain).await.unwrap();
    let text = "EXPLAIN EXECUTE look_up (gen_random_uuid(), gen_random_uuid(), '')";
    let lines: Vec<String> = sqlx::query_scalar(text).persistent(false).fetch_all(conn).await.unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn a_new_installation_uses_the_right_index_as_soon_as_the_tables_grow() {
    let world = World::start().await;
    let mut owner = world.app.database().connect().await.unwrap();
    assert!(!refresh_statistics(&mut owner).await.unwrap(), "there is nothing in the tables");
    grow(&world).await;
    for _ in 0..50 {
        refresh_statistics(&mut owner).await.unwrap();
        if counted(&mut owner, "enrollments").await > 0.0 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    for table in ["partners", "enrollments"] {
        assert!((counted(&mut owner, table).await - 1_200.0).abs() < 1.0, "{table}");
    }
    let found = plan(&mut world.app.sql().await).await;
    assert!(found.contains("enrollments_tenant_id_key"), "{found}");
    // One of the three tables has not grown: there are no links.
    assert!(!refresh_statistics(&mut owner).await.unwrap());
}
