//! The database goes away and comes back.

use sqlx::{AssertSqlSafe, Executor};
use tokio::task::block_in_place;

use super::{Site, emails};
use crate::support::invariants;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_accepts_no_connections_is_503_until_it_does() {
    let site = Site::start().await;
    site.enroll_before().await;
    let mut admin = site.cluster.admin().await;
    let name = site.app.database_name();
    let allow = |allowed: bool| AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"));
    admin.execute(allow(false)).await.unwrap();
    invariants::end_sessions_of(&mut admin, name).await;
    site.expect_away().await;
    admin.execute(allow(true)).await.unwrap();
    site.expect_back(0).await;
}

/// With a limit of no sessions, and then of fewer sessions than the pool may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_full_of_sessions_is_503_until_there_is_room() {
    let site = Site::start().await;
    site.enroll_before().await;
    let mut admin = site.cluster.admin().await;
    let name = site.app.database_name();
    let limit = |sessions: i32| AssertSqlSafe(format!("ALTER DATABASE {name} CONNECTION LIMIT {sessions}"));
    admin.execute(limit(0)).await.unwrap();
    invariants::end_sessions_of(&mut admin, name).await;
    site.expect_away().await;
    admin.execute(limit(2)).await.unwrap();
    for round in 0..5 {
        for answer in site.tokens(emails("some", 3)).await {
            answer.expect_token_or_unavailable();
        }
        site.token(&format!("one{round}@example.com")).await.expect(201);
    }
    admin.execute(limit(-1)).await.unwrap();
    for answer in site.tokens(emails("some", 3)).await {
        answer.expect(201);
    }
    site.expect_back(5 + 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_is_503_until_it_runs_again() {
    let site = Site::on_own_cluster("stopped").await;
    site.enroll_before().await;
    block_in_place(|| site.cluster.stop());
    site.expect_away().await;
    block_in_place(|| site.cluster.start_again());
    site.expect_back(0).await;
}
