//! The database is away, and comes back.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor};
use tokio::task::block_in_place;
use tokio::time::Instant;

use super::{Site, emails};
use crate::support::cluster::TestCluster;
use crate::support::invariants;

/// More than the pool has sessions.
const CLIENTS: usize = 20;

impl Site {
    /// Every answer is a 503 but that of `/healthz`: the process itself is well.
    async fn expect_away(&self) {
        for answer in self.tokens(emails("away", CLIENTS)).await {
            answer.expect_unavailable();
        }
        self.get("/readyz").await.expect_unavailable();
        self.get("/healthz").await.expect(200);
    }

    /// Within a second of the database's return the same process works, with all that was acknowledged.
    async fn expect_back(&self) {
        let begin = Instant::now();
        while self.get("/readyz").await.status != 200 {
            assert!(begin.elapsed() < Duration::from_secs(1), "not ready a second after the database");
        }
        let before = self.enrollments().await;
        for email in emails("before", CLIENTS) {
            self.token(&email).await.expect(201);
        }
        assert_eq!(
            [before, self.enrollments().await],
            [CLIENTS; 2],
            "what was acknowledged is there, and nothing else"
        );
        self.token("after@example.com").await.expect(201);
        invariants::check(&self.app).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_connections_is_503_until_it_does() {
    let site = Site::start().await;
    for answer in site.tokens(emails("before", CLIENTS)).await {
        answer.expect(201);
    }
    let mut admin = site.cluster.admin().await;
    let name = site.app.database_name();
    let allow = |allowed: bool| AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"));
    admin.execute(allow(false)).await.unwrap();
    let terminate = format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(AssertSqlSafe(terminate)).await.unwrap();
    site.expect_away().await;
    admin.execute(allow(true)).await.unwrap();
    site.expect_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_is_503_until_it_runs_again() {
    let cluster: &'static TestCluster = Box::leak(Box::new(TestCluster::start("stopped")));
    let site = Site::on(cluster).await;
    for answer in site.tokens(emails("before", CLIENTS)).await {
        answer.expect(201);
    }
    block_in_place(|| cluster.stop());
    site.expect_away().await;
    block_in_place(|| cluster.start_again());
    site.expect_back().await;
}
