//! How PostgreSQL finds a page of a long list: from the end of an index, never by sorting everybody. `benches/list_plans`
//! shows the same with a million enrollments, and times.
#![expect(clippy::disallowed_methods, reason = "a plan is asked for with EXPLAIN before a query of the application")]

use std::path::Path;

use pearset::error::Result;
use pearset::values::id::{GroupId, PartnerId};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::fixtures::World;
use crate::support::app::POOL_SIZE;

/// Enough that to sort all of them costs far more than to walk along an index.
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

/// The application's own statements, from the data that the build checks them against.
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

/// A program with many partners, of whom most have brought nothing.
async fn long_list() -> World {
    // Nine of ten have counted something, but four of ten brought something.
    list_where("n % 10 > 0").await
}

/// The same where these have counted something.
async fn list_where(counted: &str) -> World {
    let world = World::start().await;
    // Of two programs, each with all partners.
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

/// What a statement is asked with; null where a filter is not given.
#[derive(Default)]
struct Asked {
    status: Option<&'static str>,
    country: Option<&'static str>,
    tenant_id: Option<&'static str>,
    email: Option<&'static str>,
    words: Option<Vec<&'static str>>,
}

/// The plan of the part that finds a page of a hundred, made for these values as the application's are.
async fn plan(world: &World, conn: &mut PgConnection, text: &str, asked: &Asked) -> Value {
    let explain = format!("EXPLAIN (FORMAT JSON) {text}");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .bind(world.workspace.id)
        .bind(world.workspace.program_id)
        .bind(None::<GroupId>)
        .bind(asked.status)
        .bind(asked.tenant_id)
        .bind(None::<PartnerId>)
        .bind(asked.country)
        .bind(asked.email)
        .bind(asked.words.as_deref())
        .bind(100_i64)
        .bind(0_i64)
        .fetch_one(conn)
        .await
        .unwrap();
    let page = nodes(&plan[0]["Plan"]).into_iter().find(|node| node["Node Type"] == "Limit");
    page.expect("the part that finds the page").clone()
}

/// A node of a plan and all below it.
fn nodes(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    std::iter::once(plan).chain(below).collect()
}

/// The indexes that are read.
fn indexes(plan: &Value) -> Vec<&str> {
    nodes(plan).into_iter().filter_map(|node| node["Index Name"].as_str()).collect()
}

#[tokio::test]
async fn every_order_is_read_from_its_index() {
    // Whether few or nearly all have counted something.
    for counted in ["n % 10 = 0", "n % 10 > 0"] {
        let world = list_where(counted).await;
        let conn = &mut world.app.sql().await;
        let asked = Asked::default();
        for column in COLUMNS {
            let total = format!("enrollment_stats_{column}_idx");
            let expected = match column {
                "created_at" => vec!["enrollments_program_key"],
                _ => vec![total.as_str(), "enrollments_uncounted_idx"],
            };
            for (order, direction) in [("ASC", "Forward"), ("DESC", "Backward")] {
                let plan = plan(&world, conn, &statement(column, order, false), &asked).await;
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
    assert_eq!(statements(LIST).len(), 2 * 2 * COLUMNS.len(), "a statement that nothing here has looked at");
}

#[tokio::test]
async fn what_names_few_is_found_by_its_own_index() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    let rows = [
        (
            Asked { tenant_id: Some("77"), ..Asked::default() },
            vec!["enrollments_tenant_id_key", "enrollment_stats_pkey", "enrollments_tenant_id_key"],
        ),
        (
            Asked { email: Some("77@example.com"), ..Asked::default() },
            vec!["partners_email_key", "enrollments_partner_key", "enrollment_stats_pkey"],
        ),
        (
            Asked { status: Some("banned"), ..Asked::default() },
            vec!["enrollments_status_idx", "enrollment_stats_pkey", "enrollments_status_idx"],
        ),
        (
            Asked { status: Some("archived"), ..Asked::default() },
            vec!["enrollments_status_idx", "enrollment_stats_pkey", "enrollments_status_idx"],
        ),
        // Most are approved: a hundred of them come soon in any order.
        (
            Asked { status: Some("approved"), ..Asked::default() },
            vec!["enrollment_stats_total_clicks_idx", "enrollments_pkey", "enrollments_uncounted_idx"],
        ),
    ];
    for (asked, expected) in rows {
        let plan = plan(&world, conn, &statement("total_clicks", "DESC", asked.email.is_some()), &asked).await;
        assert_eq!(indexes(&plan), expected, "{plan:#}");
    }
}

/// Partner by partner along the order of the list would be a walk through everybody where nobody fits.
#[tokio::test]
async fn words_are_looked_for_in_one_pass_over_the_partners() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    for words in [vec!["[Zz][Zz]"], vec!["1"], vec!["7", "9"]] {
        let asked = Asked { words: Some(words), ..Asked::default() };
        let plan = plan(&world, conn, &statement("total_clicks", "DESC", true), &asked).await;
        let passes = nodes(&plan).into_iter().filter(|node| node["Relation Name"] == "partners");
        let passes: Vec<_> = passes.map(|node| node["Node Type"].as_str().unwrap()).collect();
        assert_eq!(passes, ["Seq Scan"], "{plan:#}");
        assert!(!indexes(&plan).contains(&"enrollment_stats_total_clicks_idx"), "{plan:#}");
    }
}

/// In an old program nearly everybody who has applied is approved.
#[tokio::test]
async fn applications_are_looked_for_among_the_partners_first() {
    let world = long_list().await;
    let conn = &mut world.app.sql().await;
    conn.execute("UPDATE enrollments SET application_id = id").await.unwrap();
    conn.execute("ANALYZE enrollments").await.unwrap();
    let texts = statements("enrollments::list_applications");
    assert_eq!(texts.len(), 2 * 2);
    for text in texts {
        let of_partners = text.contains("FROM (SELECT p.* FROM partners p");
        let asked = if of_partners {
            vec![
                Asked { country: Some("DE"), ..Asked::default() },
                Asked { email: Some("77@example.com"), ..Asked::default() },
                Asked { words: Some(vec!["[Zz][Zz]"]), ..Asked::default() },
                Asked { words: Some(vec!["1"]), ..Asked::default() },
            ]
        } else {
            vec![Asked::default()]
        };
        for asked in asked {
            let explain = format!("EXPLAIN (FORMAT JSON) {text}");
            let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
                .bind(world.workspace.id)
                .bind(world.workspace.program_id)
                .bind("approved")
                .bind(asked.country)
                .bind(None::<GroupId>)
                .bind(None::<&str>)
                .bind(None::<PartnerId>)
                .bind(asked.email)
                .bind(asked.words.as_deref())
                .bind(100_i64)
                .bind(0_i64)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
            let along_the_order = indexes(&plan[0]["Plan"]).contains(&"enrollments_program_key");
            assert_eq!(along_the_order, !of_partners, "{plan:#}");
            if asked.email.is_some() {
                assert_eq!(indexes(&plan[0]["Plan"]), ["partners_email_key", "enrollments_partner_key"], "{plan:#}");
            }
        }
    }
}

#[tokio::test]
async fn the_audit_log_is_read_from_the_index_of_its_filter() {
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

/// Filters that are not given must leave the plan: that takes a plan for the values of the call. A session would turn
/// to a common one after a few calls, if it were not told otherwise.
#[tokio::test]
async fn the_plan_is_made_for_each_call() {
    let world = World::start().await;
    let told = world
        .app
        .state
        .db
        .tenant(world.workspace.id)
        .read_snapshot("test", |conn| Box::pin(settings(conn)))
        .await
        .unwrap();
    assert_eq!(told, ("force_custom_plan".to_owned(), "repeatable read".to_owned()));
    // And no longer than for that.
    for _ in 0..POOL_SIZE {
        let told =
            world.app.state.db.tenant(world.workspace.id).read("test", |conn| Box::pin(settings(conn))).await.unwrap();
        assert_eq!(told, ("auto".to_owned(), "read committed".to_owned()));
    }
}

async fn settings(conn: &mut PgConnection) -> Result<(String, String)> {
    let query = "SELECT current_setting('plan_cache_mode'), current_setting('transaction_isolation')";
    Ok(sqlx::query_as(query).fetch_one(conn).await?)
}
