//! Clients that go away in the middle of a request. The regression test for a fault of sqlx 0.9.0: a dropped `begin()`
//! leaves its session inside a transaction, later statements on that session join the transaction, and the writes of
//! other, acknowledged requests are rolled back with it.

#![expect(clippy::disallowed_methods, reason = "the checks are no part of the application's prepared queries")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pearset::testing::values::id::EnrollmentId;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::app::TestApp;
use crate::support::live::LiveServer;
use crate::support::{invariants, token};

const TOKENS: &str = "/tokens/embed/referrals";
/// More than the pool has sessions.
const CUTTERS: usize = 12;
const CUTS_EACH: usize = 60;
const ORDINARY_CLIENTS: usize = 4;

/// Sends a whole or half request and closes the connection a moment later.
async fn cut(address: SocketAddr, request: &[u8], length: usize, after: Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&request[..length]).await.unwrap();
    tokio::time::sleep(after).await;
}

fn request(authorization: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST {TOKENS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Cuts off a creating call: one in four after some of its bytes, the others at some moment between the arrival of the
/// request and the time when most requests are answered. `turn` decides, in a mixed order.
async fn cut_off(address: SocketAddr, authorization: &str, turn: usize) {
    let email = format!("gone{turn}@example.com");
    let request = request(authorization, &json!({ "partner": { "email": email, "tenantId": email } }));
    let length = if turn.is_multiple_of(4) { turn * 31 % request.len() } else { request.len() };
    cut(address, &request, length, Duration::from_micros(700 * (turn as u64 * 37 % 71))).await;
}

/// Creates partners until `stop` is set. Returns the e-mails and enrollments of the acknowledged partners.
async fn create(
    server: Arc<LiveServer>,
    authorization: String,
    client: usize,
    stop: Arc<AtomicBool>,
) -> BTreeMap<String, String> {
    let mut acknowledged = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let email = format!("kept{client}-{}@example.com", acknowledged.len());
        let (status, answer) = server.post(&authorization, TOKENS, &json!({ "partner": { "email": email } })).await;
        assert_eq!(status.as_u16(), 201, "{answer}");
        acknowledged.insert(email, token::enrollment(&answer));
    }
    acknowledged
}

async fn stored(app: &TestApp) -> BTreeMap<String, String> {
    let query = "SELECT p.email, e.id FROM partners p JOIN enrollments e ON e.partner_id = p.id";
    let rows: Vec<(String, EnrollmentId)> = sqlx::query_as(query).fetch_all(&mut app.sql().await).await.unwrap();
    rows.into_iter().map(|(email, id)| (email, id.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_at_any_moment_lose_no_write_of_others() {
    let app = TestApp::start().await;
    let server = Arc::new(LiveServer::start(&app).await);
    let workspace = app.workspace("acme").await;
    let authorization = workspace.actor.authorization().to_owned();
    let stop = Arc::new(AtomicBool::new(false));

    let mut ordinary = JoinSet::new();
    for client in 0..ORDINARY_CLIENTS {
        ordinary.spawn(create(Arc::clone(&server), authorization.clone(), client, Arc::clone(&stop)));
    }
    let mut conn = app.sql().await;
    let stopped = Arc::clone(&stop);
    let watcher = tokio::spawn(async move {
        let mut abandoned = 0;
        while !stopped.load(Ordering::Relaxed) {
            abandoned = abandoned.max(invariants::abandoned_transactions(&mut conn).await);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        abandoned
    });
    let mut cutters = JoinSet::new();
    for cutter in 0..CUTTERS {
        let (address, authorization) = (server.address, authorization.clone());
        cutters.spawn(async move {
            for turn in cutter * CUTS_EACH..(cutter + 1) * CUTS_EACH {
                cut_off(address, &authorization, turn).await;
            }
        });
    }
    cutters.join_all().await;
    stop.store(true, Ordering::Relaxed);

    let acknowledged: BTreeMap<_, _> = ordinary.join_all().await.into_iter().flatten().collect();
    let kept = stored(&app).await;
    let lost: Vec<_> = acknowledged.iter().filter(|(email, id)| kept.get(*email) != Some(id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged writes are lost: {lost:?}", lost.len(), acknowledged.len());
    assert_eq!(watcher.await.unwrap(), 0, "sessions idle in a transaction for more than a second");
    invariants::check(&app).await;
    // The cuts were before, during and after the work, so some cut calls were carried out, and not all.
    let gone = stored(&app).await.into_keys().filter(|email| email.starts_with("gone")).count();
    assert!((1..CUTTERS * CUTS_EACH).contains(&gone), "{gone} of the cut calls were carried out");
    assert!(acknowledged.len() > ORDINARY_CLIENTS, "{} ordinary calls", acknowledged.len());
}

/// No later request ends a transaction that one of the last clients has left open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_clients_that_go_away_leave_no_session_in_a_transaction() {
    const WAVES: usize = 20;
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    let workspace = app.workspace("acme").await;
    for wave in 0..WAVES {
        let mut cutters = JoinSet::new();
        for turn in wave * CUTTERS..(wave + 1) * CUTTERS {
            let (address, authorization) = (server.address, workspace.actor.authorization().to_owned());
            cutters.spawn(async move { cut_off(address, &authorization, turn).await });
        }
        cutters.join_all().await;
        invariants::check(&app).await;
    }
    server.stop().await;
}
