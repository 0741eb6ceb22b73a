//! Another session holds a lock or all sessions that a request needs.

#![expect(clippy::disallowed_methods, reason = "a lock is taken as another program would take it")]

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::PgConnection;
use tokio::sync::{Barrier, Semaphore};
use tokio::time::{Instant, sleep};

use super::network::Networked;
use super::{Site, emails};
use crate::fault_proxy::Fault;
use crate::support::app::POOL_SIZE;
use crate::support::invariants;

/// Inserts a partner with this e-mail in a transaction that stays open, so that requests that create the partner wait.
async fn hold_email(conn: &mut PgConnection, site: &Site, email: &str) {
    sqlx::query("BEGIN").execute(&mut *conn).await.unwrap();
    let insert = "INSERT INTO partners (workspace_id, id, email, email_normalized, created_at)
                  SELECT id, gen_random_uuid(), $1, $1, now() FROM workspaces WHERE slug = 'acme'";
    let done = sqlx::query(insert).bind(email).execute(conn).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{}", site.app.database_name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_lock_is_503_for_requests_that_need_it_and_affects_no_others() {
    let site = Site::start().await;
    site.token("repeat@example.com").await.expect(201);
    let mut holder = site.app.sql().await;
    hold_email(&mut holder, &site, "held@example.com").await;
    let waiting = site.spawn_token("held@example.com");
    for email in emails("other", 20) {
        site.token(&email).await.expect(201);
        site.token("repeat@example.com").await.expect(201);
    }
    waiting.await.unwrap().expect_unavailable();

    // No other request arrives that could use a session inside an abandoned transaction, so the test looks for such a
    // session.
    let conn = &mut site.app.sql().await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(4) {
        assert_eq!(invariants::abandoned_transactions(conn).await, 0, "after {:?}", begin.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    site.token("held@example.com").await.expect(201);
    invariants::check(&site.app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_without_a_free_session_is_503_and_does_not_hang() {
    let site = Site::start().await;
    site.token("repeat@example.com").await.expect(201);
    let (held, release) = (Arc::new(Barrier::new(POOL_SIZE + 1)), Arc::new(Semaphore::new(0)));
    for _ in 0..POOL_SIZE {
        let (db, held, release) = (site.app.state.db.clone(), Arc::clone(&held), Arc::clone(&release));
        tokio::spawn(
            async move { db.global().read("hold", move |_| keep(Arc::clone(&held), Arc::clone(&release))).await },
        );
    }
    held.wait().await;
    for answer in site.tokens(emails("more", 2 * POOL_SIZE)).await {
        answer.expect_unavailable();
    }
    site.get("/healthz").await.expect(200);
    release.add_permits(POOL_SIZE);
    site.token("repeat@example.com").await.expect(201);
    invariants::check(&site.app).await;
}

/// The answer is given up while the request waits for a lock, and the lock is released afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_given_up_is_not_carried_out_later() {
    let Networked { proxy, site } = Networked::start().await;
    site.token("repeat@example.com").await.expect(201);
    let mut holder = site.app.sql().await;
    hold_email(&mut holder, &site, "held@example.com").await;
    // The cached grant of the API key has expired, and the look-up takes most of the time limit.
    sleep(Duration::from_millis(1_100)).await;
    proxy.set(Fault::DeafClient);
    let waiting = site.spawn_token("held@example.com");
    sleep(Duration::from_secs(3)).await;
    proxy.set(Fault::None);
    waiting.await.unwrap().expect_unavailable();
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    assert_eq!(site.enrollments().await, 1, "the second enrollment was given up");
    invariants::check(&site.app).await;
}

fn keep<'c>(held: Arc<Barrier>, release: Arc<Semaphore>) -> BoxFuture<'c, pearset::testing::error::Result<()>> {
    Box::pin(async move {
        held.wait().await;
        release.acquire().await.unwrap().forget();
        Ok(())
    })
}
