//! A repeat call writes nothing: no transaction id, no WAL, no tuple.

#![expect(clippy::disallowed_methods, reason = "the counters are no part of the application's prepared queries")]

use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

use crate::support::app::TestApp;
use crate::support::cluster::TestCluster;
use crate::support::invariants;
use crate::support::live::LiveServer;

const TOKENS: &str = "/tokens/embed/referrals";
const CALLS: usize = 1_000;
const CLIENTS: usize = 4;

/// Everything that the cluster has written so far. (Without dead tuples: each one was counted when written, and
/// vacuuming removes dead tuples.)
#[derive(Debug, PartialEq, Eq)]
struct Written {
    next_transaction_id: String,
    wal_position: String,
    tuples: Value,
}

async fn written(app: &TestApp) -> Written {
    // Sessions report their statistics at their end.
    invariants::end_sessions(app).await;
    let conn = &mut app.sql().await;
    let (next_transaction_id, wal_position, tuples) = sqlx::query_as(
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::text, pg_current_wal_insert_lsn()::text,
                jsonb_build_object(
                    'inserted', sum(n_tup_ins), 'updated', sum(n_tup_upd), 'deleted', sum(n_tup_del),
                    'database', (SELECT sum(tup_inserted + tup_updated + tup_deleted) FROM pg_stat_database))
         FROM pg_stat_all_tables",
    )
    .fetch_one(conn)
    .await
    .unwrap();
    Written { next_transaction_id, wal_position, tuples }
}

/// Completes the after-effects of earlier writes: the first read of a page after a write may write the page once more,
/// to record which transactions have ended. PostgreSQL's own housekeeping counts as writing, too.
async fn settle(mut conn: PgConnection) {
    conn.execute("ALTER SYSTEM SET autovacuum = off").await.unwrap();
    conn.execute("SELECT pg_reload_conf()").await.unwrap();
    conn.execute("VACUUM (FREEZE, ANALYZE)").await.unwrap();
    conn.execute("CHECKPOINT").await.unwrap();
    // An idle session reports its statistics up to ten seconds late, a session that ends reports at once.
    conn.close().await.unwrap();
}

async fn repeat(app: &TestApp, server: &Arc<LiveServer>, authorization: &str, body: &Value, times: usize) -> Written {
    let clients = (0..CLIENTS).map(|_| {
        let (server, authorization, body) = (Arc::clone(server), authorization.to_owned(), body.clone());
        tokio::spawn(async move {
            for _ in 0..times / CLIENTS {
                let (status, answer) = server.post(&authorization, TOKENS, &body).await;
                assert_eq!(status.as_u16(), 201, "{answer}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    written(app).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_repeat_calls_write_nothing() {
    // A separate cluster: transaction ids and WAL positions are shared by all databases of a cluster.
    let cluster: &'static TestCluster = Box::leak(Box::new(TestCluster::start("writes")));
    let app = TestApp::on(cluster).await;
    let server = Arc::new(LiveServer::start(&app).await);
    let workspace = app.workspace("acme").await;
    let authorization = workspace.actor.authorization();
    for name in ["jane", "john"] {
        let body = json!({ "partner": { "email": format!("{name}@example.com"), "tenantId": name } });
        assert_eq!(server.post(authorization, TOKENS, &body).await.0, 201);
    }
    settle(cluster.admin_of(app.database_name()).await).await;

    let rows = [
        ("row 2", json!({ "partner": { "email": "jane@example.com", "tenantId": "jane" } })),
        ("row 2, no partner", json!({ "tenantId": "jane" })),
        ("row 3", json!({ "partner": { "email": "john@example.com", "tenantId": "jane" } })),
        ("row 8", json!({ "partner": { "email": "jane@example.com" } })),
    ];
    for (row, body) in &rows {
        writes_nothing(&app, &server, authorization, row, body).await;
    }

    let before = written(&app).await;
    let body = json!({ "partner": { "email": "new@example.com" } });
    let after = repeat(&app, &server, authorization, &body, CLIENTS).await;
    assert_ne!(before.next_transaction_id, after.next_transaction_id);
    assert_ne!(before.wal_position, after.wal_position);
    assert_ne!(before.tuples, after.tuples);
}

async fn writes_nothing(app: &TestApp, server: &Arc<LiveServer>, authorization: &str, row: &str, body: &Value) {
    let mut before = written(app).await;
    // PostgreSQL logs the running transactions to the WAL, at most every 15 s. One of these attempts is free from that.
    for _ in 0..3 {
        let after = repeat(app, server, authorization, body, CALLS).await;
        assert_eq!(before.next_transaction_id, after.next_transaction_id, "{row}");
        assert_eq!(before.tuples, after.tuples, "{row}");
        if before.wal_position == after.wal_position {
            return;
        }
        before = after;
    }
    panic!("{row}: every thousand calls moved the WAL");
}
