//! The query plans of long lists: PostgreSQL reads a page from the end of an index and never sorts all rows.
//! `benches/list_plans` shows the same for a million enrollments, with times.
#![expect(clippy::disallowed_methods, reason = "a plan is asked for with EXPLAIN before a query of the application")]

use std::path::Path;

use pearset::testing::error::Result;
use pearset::testing::values::id::{GroupId, PartnerId};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::fixtures::World;
use crate::support::app::POOL_SIZE;

/// The number of enrollments: high enough that sorting all of them costs far more than an index scan.
const ENROLLMENTS: i64 = 25_000;

const COLUMNS: [&str; 8] = [
    "created_at",
    "total_clicks",
    "total_leads",
    "total_conversions",
    "total_sales",
    "total_sale_amount",
    "total_commissions",
    "net_revenue",
];

const LIST: &str = "enrollments::list_enrolled_partners";

/// Returns the application's own statements of this name, from the query cache of the build.
fn statements(name: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let texts = files.map(|file| serde_json::from_slice::<Value>(&file).unwrap()["query"].as_str().unwrap().to_owned());
    texts.filter(|text| text.starts_with(&format!("/* {name} */"))).collect()
}

fn statement(column: &str, order: &str, of_partners: bool) -> String {
    let sorted = match (column, of_partners) {
        ("created_at", _) => format!("ORDER BY e.id {order} LIMIT"),
        (_, true) => format!("SELECT COALESCE(s.{column}, 0) AS total, e.id FROM"),
        (_, false) => format!("ORDER BY s.{column} {order}, s.enrollment_id {order} LIMIT"),
    };
    let order = format!("id {order} LIMIT $10 OFFSET $11");
    let mut found = statements(LIST);
    found.retain(|text| text.contains(&sorted) && text.contains(&order));
    found.retain(|text| text.contains("FROM (SELECT p.id FROM partners p") == of_partners);
    assert_eq!(found.len(), 1, "statements for {column} {order}");
    found.remove(0)
}

/// Creates a program with many partners, most of them without a click.
async fn long_list() -> World {
    // Nine of ten enrollments have a stats row, and four of ten have clicks.
    list_where("n % 10 > 0").await
}

/// Creates the program of [`long_list`], in which the enrollments that meet this condition have a stats row.
async fn list_where(counted: &str) -> World {
    let world = World::start().await;
    // All partners are in two programs.
    world.program("second.example.com").await;
    let fill = format!(
        "INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
         SELECT id, md5('p' || n)::uuid, n || '@example.com', n || '@example.com', now()
         FROM workspaces, generate_series(1, {ENROLLMENTS}) n;
         INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, tenant_id, status, created_at,
                                  uncounted)
         SELECT workspace_id, md5(id::text || n)::uuid, program_id, md5('p' || n)::uuid, id, n,
                CASE WHEN n % 500 = 0 THEN 'banned' ELSE 'approved' END, now() - n * interval '1 minute',
                CASE WHEN {counted} THEN NULL ELSE 0 END
         FROM groups, generate_series(1, {ENROLLMENTS}) n;
         INSERT INTO enrollment_stats (workspace_id, program_id, enrollment_id, total_clicks, total_leads,
                                       total_conversions, total_sales, total_sale_amount, total_commissions)
         SELECT workspace_id, program_id, id, c, c / 2, c / 3, c / 4, c * 100, c * 20
         FROM enrollments, LATERAL (SELECT greatest(0, tenant_id::bigint % 1000 - 600) AS c) brought
         WHERE uncounted IS NULL;
         ANALYZE"
    );
    world.app.sql().await.execute(AssertSqlSafe(fill)).await.unwrap();
    world
}

/// The values that a statement binds; null for a filter that is not given.
#[derive(Default)]
struct Filters {
    status: Option<&'static str>,
    country: Option<&'static str>,
    tenant_id: Option<&'static str>,
    email: Option<&'static str>,
    words: Option<Vec<&'static str>>,
}

/// Returns the plan of the part that finds a page of 100, for these values, as the application's plans are made.
async fn plan(world: &World, conn: &mut PgConnection, text: &str, filters: &Filters) -> Value {
    let explain = format!("EXPLAIN (FORMAT JSON) {text}");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .bind(world.workspace.id)
        .bind(world.workspace.program_id)
        .bind(None::<GroupId>)
        .bind(filters.status)
        .bind(filters.tenant_id)
        .bind(None::<PartnerId>)
        .bind(filters.country)
        .bind(filters.email)
        .bind(filters.words.as_deref())
        .bind(100_i64)
        .bind(0_i64)
        .fetch_one(conn)
        .await
        .unwrap();
    let page = nodes(&plan[0]["Plan"]).into_iter().find(|node| node["Node Type"] == "Limit");
    page.expect("the part that finds the page").clone()
}

/// Returns a node of a plan and all nodes below.
fn nodes(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    std::iter::once(plan).chain(below).collect()
}

/// Returns the indexes that a plan reads.
fn indexes(plan: &Value) -> Vec<&str> {
    nodes(plan).into_iter().filter_map(|node| node["Index Name"].as_str()).collect()
}

#[tokio::test]
async fn every_order_is_read_from_its_index() {
    // The plan is the same whether few or nearly all enrollments have a stats row.
    for counted in ["n % 10 = 0", "n % 10 > 0"] {
        let world = list_where(counted).await;
        let conn = &mut world.app.sql().await;
        let filters = Filters::default();
        for column in COLUMNS {
            let total = format!("enrollment_stats_{column}_idx");
            let expected = match column {
                "created_at" => vec!["enrollments_program_key"],
                _ => vec![total.as_str(), "enrollments_uncounted_idx"],
            };
            for (order, direction) in [("ASC", "Forward"), ("DESC", "Backward")] {
                let plan = plan(&world, conn, &statement(column, order, false), &filters).await;
                assert_eq!(indexes(&plan), expected, "{column} {order}, {counted}: {plan:#}");
                for node in nodes(&plan) {
                    let kind = node["Node Type"].as_str().unwrap();
                    if kind.contains("Scan") && kind != "Subquery Scan" {
                        assert!(["Index Scan", "Index Only Scan"].contains(&kind), "{plan:#}");
                        assert_eq!(node["Scan Direction"], direction, "{column} {order}");
                    }
                    assert!(!kind.contains("Sort") && !kind.contains("Join"), "{column} {order}, {counted}: {plan:#}");
                }
            }
        }
    }
    assert_eq!(statements(LIST).len(), 2 * 2 * COLUMNS.len(), "there is a statement that this test does not check");
}

#[tokio::test]
async fn selective_filter_uses_its_own_index() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    let rows = [
        (
            Filters { tenant_id: Some("77"), ..Filters::default() },
            vec!["enrollments_tenant_id_key", "enrollment_stats_pkey", "enrollments_tenant_id_key"],
        ),
        (
            Filters { email: Some("77@example.com"), ..Filters::default() },
            vec!["partners_email_key", "enrollments_partner_key", "enrollment_stats_pkey"],
        ),
        (
            Filters { status: Some("banned"), ..Filters::default() },
            vec!["enrollments_status_idx", "enrollment_stats_pkey", "enrollments_status_idx"],
        ),
        (
            Filters { status: Some("archived"), ..Filters::default() },
            vec!["enrollments_status_idx", "enrollment_stats_pkey", "enrollments_status_idx"],
        ),
        // Most enrollments are approved, so a scan in any order finds 100 of them soon.
        (
            Filters { status: Some("approved"), ..Filters::default() },
            vec!["enrollment_stats_total_clicks_idx", "enrollments_pkey", "enrollments_uncounted_idx"],
        ),
    ];
    for (filters, expected) in rows {
        let plan = plan(&world, conn, &statement("total_clicks", "DESC", filters.email.is_some()), &filters).await;
        assert_eq!(indexes(&plan), expected, "{plan:#}");
    }
}

/// A scan in the order of the list would visit every partner if nobody matches.
#[tokio::test]
async fn words_are_searched_in_one_pass_over_the_partners() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    for words in [vec!["[Zz][Zz]"], vec!["1"], vec!["7", "9"]] {
        let filters = Filters { words: Some(words), ..Filters::default() };
        let plan = plan(&world, conn, &statement("total_clicks", "DESC", true), &filters).await;
        let passes = nodes(&plan).into_iter().filter(|node| node["Relation Name"] == "partners");
        let passes: Vec<_> = passes.map(|node| node["Node Type"].as_str().unwrap()).collect();
        assert_eq!(passes, ["Seq Scan"], "{plan:#}");
        assert!(!indexes(&plan).contains(&"enrollment_stats_total_clicks_idx"), "{plan:#}");
    }
}

/// Nearly all applications of an old program are approved.
#[tokio::test]
async fn applications_with_a_partner_filter_are_found_through_the_partners() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    conn.execute("UPDATE enrollments SET application_id = id").await.unwrap();
    conn.execute("ANALYZE enrollments").await.unwrap();
    let texts = statements("enrollments::list_applications");
    assert_eq!(texts.len(), 2 * 2);
    for text in texts {
        let of_partners = text.contains("FROM (SELECT p.* FROM partners p");
        let all = if of_partners {
            vec![
                Filters { country: Some("DE"), ..Filters::default() },
                Filters { email: Some("77@example.com"), ..Filters::default() },
                Filters { words: Some(vec!["[Zz][Zz]"]), ..Filters::default() },
                Filters { words: Some(vec!["1"]), ..Filters::default() },
            ]
        } else {
            vec![Filters::default()]
        };
        for filters in all {
            let explain = format!("EXPLAIN (FORMAT JSON) {text}");
            let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
                .bind(world.workspace.id)
                .bind(world.workspace.program_id)
                .bind("approved")
                .bind(filters.country)
                .bind(None::<GroupId>)
                .bind(None::<&str>)
                .bind(None::<PartnerId>)
                .bind(filters.email)
                .bind(filters.words.as_deref())
                .bind(100_i64)
                .bind(0_i64)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
            let along_the_order = indexes(&plan[0]["Plan"]).contains(&"enrollments_program_key");
            assert_eq!(along_the_order, !of_partners, "{plan:#}");
            if filters.email.is_some() {
                assert_eq!(indexes(&plan[0]["Plan"]), ["partners_email_key", "enrollments_partner_key"], "{plan:#}");
            }
        }
    }
}

#[tokio::test]
async fn audit_log_uses_the_index_of_its_filter() {
    let world = World::start().await;
    let conn = &mut world.app.sql().await;
    let fill = format!(
        "INSERT INTO audit_logs (workspace_id, id, program_id, action, target, details, created_at)
         SELECT workspace_id, gen_random_uuid(), id, CASE WHEN n % 5000 = 0 THEN 'group.deleted' ELSE 'link.updated' END,
                'target ' || n % 5000, '{{}}', now() - n * interval '1 minute'
         FROM programs, generate_series(1, {ENROLLMENTS}) n;
         ANALYZE"
    );
    conn.execute(AssertSqlSafe(fill)).await.unwrap();
    let [text] = statements("audit_logs::list_entries").try_into().unwrap();
    for (action, target, index) in [
        (None, None, "audit_logs_program_idx"),
        (Some("group.deleted"), None, "audit_logs_action_idx"),
        (None, Some("target 7"), "audit_logs_target_idx"),
    ] {
        let explain = format!("EXPLAIN (FORMAT JSON) {text}");
        let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
            .bind(world.workspace.id)
            .bind(world.workspace.program_id)
            .bind(action)
            .bind(target)
            .bind(100_i64)
            .bind(0_i64)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        assert!(indexes(&plan[0]["Plan"]).contains(&index), "{plan:#}");
    }
}

/// Only a plan for the values of a call can drop the filters that are not given. By default, a session changes to a
/// generic plan after a few calls.
#[tokio::test]
async fn plan_is_made_for_each_call() {
    let world = World::start().await;
    let found = world
        .app
        .state
        .db
        .tenant(world.workspace.id)
        .read_snapshot("test", |conn| Box::pin(settings(conn)))
        .await
        .unwrap();
    assert_eq!(found, ("force_custom_plan".to_owned(), "repeatable read".to_owned()));
    // The settings end with the transaction.
    for _ in 0..POOL_SIZE {
        let found =
            world.app.state.db.tenant(world.workspace.id).read("test", |conn| Box::pin(settings(conn))).await.unwrap();
        assert_eq!(found, ("auto".to_owned(), "read committed".to_owned()));
    }
}

async fn settings(conn: &mut PgConnection) -> Result<(String, String)> {
    let query = "SELECT current_setting('plan_cache_mode'), current_setting('transaction_isolation')";
    Ok(sqlx::query_as(query).fetch_one(conn).await?)
}
