//! A workspace that floods the server does not affect other workspaces.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use pearset::testing::http::overload::Limits;
use serde_json::json;
use sqlx::{Connection, Executor};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::app::TestApp;
use crate::support::live::LiveServer;

const TOKENS: &str = "/tokens/embed/referrals";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_workspace_that_floods_the_server_is_rejected() {
    // The pool of the tests has eight sessions.
    let app = TestApp::with_limits(Limits { in_progress: 8, waiting: 16, queue_timeout: Duration::from_secs(5) }).await;
    let server = Arc::new(LiveServer::start(&app).await);
    let (flood, modest) = (app.workspace("flood").await, app.workspace("modest").await);
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..64 {
        let (server, over) = (Arc::clone(&server), Arc::clone(&over));
        let authorization = flood.actor.authorization().to_owned();
        clients.spawn(async move {
            let mut statuses = BTreeMap::new();
            let body = json!({ "partner": { "email": format!("flood{client}@example.com") } });
            while !over.load(Ordering::Relaxed) {
                let (status, _) = server.post(&authorization, TOKENS, &body).await;
                *statuses.entry(status.as_u16()).or_insert(0) += 1;
            }
            statuses
        });
    }
    let mut others = JoinSet::new();
    for client in 0..3 {
        let (server, authorization) = (Arc::clone(&server), modest.actor.authorization().to_owned());
        others.spawn(async move {
            for turn in 0..40 {
                let body = json!({ "partner": { "email": format!("modest{client}-{turn}@example.com") } });
                let (status, answer) = server.post(&authorization, TOKENS, &body).await;
                assert_eq!(status, 201, "{answer}");
            }
        });
    }
    others.join_all().await;
    over.store(true, Ordering::Relaxed);
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    for (status, count) in clients.join_all().await.into_iter().flatten() {
        *statuses.entry(status).or_default() += count;
    }
    assert!(statuses.keys().all(|status| [201, 503].contains(status)), "{statuses:?}");
    assert!(statuses[&201] > 40 && statuses[&503] > 40, "{statuses:?}");
}

/// Slow requests cannot be taken back. Other workspaces go on because permits, and with them sessions, were kept free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workspace_whose_requests_all_hang_does_not_delay_others() {
    let app = TestApp::with_limits(Limits { in_progress: 8, waiting: 16, queue_timeout: Duration::from_secs(1) }).await;
    let server = Arc::new(LiveServer::start(&app).await);
    let (stuck, modest) = (app.workspace("stuck").await, app.workspace("modest").await);
    let mut holder = app.sql().await;
    let mut transaction = holder.begin().await.unwrap();
    let hold = "INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
                SELECT id, gen_random_uuid(), 'held@example.com', 'held@example.com', now()
                FROM workspaces WHERE slug = 'stuck'";
    assert_eq!(transaction.execute(hold).await.unwrap().rows_affected(), 1);
    let mut hanging = JoinSet::new();
    for _ in 0..20 {
        let (server, authorization) = (Arc::clone(&server), stuck.actor.authorization().to_owned());
        let body = json!({ "partner": { "email": "held@example.com" } });
        hanging.spawn(async move { server.post(&authorization, TOKENS, &body).await.0 });
    }
    sleep(Duration::from_millis(300)).await;
    for turn in 0..20 {
        let body = json!({ "partner": { "email": format!("modest{turn}@example.com") } });
        let (status, answer) = server.post(modest.actor.authorization(), TOKENS, &body).await;
        assert_eq!(status, 201, "{answer}");
    }
    assert!(hanging.try_join_next().is_none_or(|status| status.unwrap() == 503));
    assert!(hanging.len() >= 6, "the requests still hang");
    transaction.rollback().await.unwrap();
    while let Some(status) = hanging.join_next().await {
        assert!([201, 503].contains(&status.unwrap().as_u16()));
    }
    server.send(Method::GET, None, "/healthz", String::new()).await;
}
