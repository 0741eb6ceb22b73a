//! PostgreSQL is killed by SIGKILL: the whole server, or one of its processes.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::{Site, emails};
use crate::support::invariants;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_is_503_until_it_runs_again() {
    let site = Site::on_own_cluster("killed").await;
    site.enroll_before().await;
    block_in_place(|| site.cluster.kill());
    site.expect_away().await;
    block_in_place(|| site.cluster.start_again());
    site.expect_back(0).await;
}

/// The death of one process of PostgreSQL ends all sessions, and PostgreSQL recovers by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_session_loses_and_doubles_nothing() {
    let site = Arc::new(Site::on_own_cluster("session-killed").await);
    site.enroll_before().await;
    let loaded = Arc::clone(&site);
    let load = tokio::spawn(async move {
        for email in emails("under-load", 600) {
            super::repeat_until_known(&loaded, &email).await;
        }
    });
    let mut killed = 0;
    while !load.is_finished() {
        killed += usize::from(kill_a_session(&site).await);
        sleep(Duration::from_millis(400)).await;
    }
    load.await.unwrap();
    assert!(killed > 1, "{killed} processes were killed");
    site.expect_back(600).await;
}

/// Kills the process of a session. Returns false when there is no session, while PostgreSQL recovers.
async fn kill_a_session(site: &Site) -> bool {
    let Ok(mut conn) = site.app.try_sql().await else { return false };
    let Some(process) = invariants::a_session(&mut conn).await else { return false };
    kill(Pid::from_raw(process), Signal::SIGKILL).is_ok()
}
