//! Sessions that PostgreSQL ends: an administrator does, or a failover.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Site, emails, until_known};
use crate::support::{invariants, token};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_ended_while_idle_are_noticed_by_nobody() {
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
    let site = Arc::new(Site::start().await);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let site = Arc::clone(&site);
        clients.spawn(async move {
            let mut acknowledged = Vec::new();
            for email in emails(&format!("jane{client}-"), EACH) {
                let enrollment = token::enrollment(&until_known(&site, &email).await);
                acknowledged.push((email, enrollment));
            }
            acknowledged
        });
    }
    let over = Arc::new(AtomicBool::new(false));
    let (ending, last) = (Arc::clone(&site), Arc::clone(&over));
    let administrator = tokio::spawn(async move {
        let mut ended = 0;
        loop {
            ended += invariants::end_sessions(&ending.app).await;
            if last.load(Relaxed) {
                return ended;
            }
            sleep(Duration::from_millis(30)).await;
        }
    });
    let acknowledged = clients.join_all().await.concat();
    over.store(true, Relaxed);
    let ended = administrator.await.unwrap();
    assert!(ended > 20, "{ended} sessions were ended");

    invariants::check(&site.app).await;
    for (email, enrollment) in &acknowledged {
        assert_eq!(&token::enrollment(&site.token(email).await.expect(201)), enrollment);
    }
    assert_eq!(site.enrollments().await, acknowledged.len());
}
