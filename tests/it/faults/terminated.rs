//! Sessions that an administrator or a failover ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Site, emails, repeat_until_known};
use crate::support::{invariants, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_while_idle_fail_no_request() {
    let site = Site::start().await;
    for round in 0..5 {
        for answer in site.tokens(emails(&format!("warm{round}-"), 20)).await {
            answer.expect(201);
        }
        assert!(invariants::end_sessions(&site.app).await > 1, "several sessions were idle");
        for answer in site.tokens(emails(&format!("next{round}-"), 20)).await {
            answer.expect(201);
        }
    }
    invariants::end_sessions(&site.app).await;
    site.get("/readyz").await.expect(200);
    invariants::check(&site.app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_under_load_lose_and_double_nothing() {
    const CLIENTS: usize = 8;
    const EACH: usize = 150;
    /// Writes between two ends of sessions. With a pause instead, a slow machine would hardly finish any write.
    const WRITES_BETWEEN: usize = 15;
    let site = Arc::new(Site::start().await);
    let done = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (site, done) = (Arc::clone(&site), Arc::clone(&done));
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            for email in emails(&format!("jane{client}-"), EACH) {
                let enrollment = token::enrollment(&repeat_until_known(&site, &email).await);
                acknowledged.push((email, enrollment));
                done.fetch_add(1, Relaxed);
            }
            acknowledged
        });
    }
    let ending = Arc::clone(&site);
    let administrator = tokio::spawn(async move {
        let mut ended = 0;
        for next in (WRITES_BETWEEN..CLIENTS * EACH).step_by(WRITES_BETWEEN) {
            while done.load(Relaxed) < next {
                sleep(Duration::from_millis(1)).await;
            }
            ended += invariants::end_sessions(&ending.app).await;
        }
        ended
    });
    let acknowledged = clients.join_all().await.concat();
    let ended = administrator.await.unwrap();
    assert!(ended > 20, "{ended} sessions were ended");

    invariants::check(&site.app).await;
    for (email, enrollment) in &acknowledged {
        assert_eq!(&token::enrollment(&site.token(email).await.expect(201)), enrollment);
    }
    assert_eq!(site.enrollments().await, acknowledged.len());
}
