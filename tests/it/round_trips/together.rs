//! Concurrent calls share look-ups of their enrollments.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

use crate::support::app::TestApp;
use crate::support::cluster::SHARED;
use crate::support::proxy::{Proxy, Watcher};
use crate::support::token::{claims, enrollment};

const TOKENS: &str = "/tokens/embed/referrals";

/// The number of customers of each workspace.
const CUSTOMERS: usize = 8;

/// Counts the look-ups and delays each one, so that further calls arrive meanwhile.
#[derive(Default)]
struct SlowLookUps(AtomicUsize);

impl Watcher for SlowLookUps {
    async fn trip(&self, name: String) {
        if name == "enrollments::find_candidates" {
            self.0.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_share_a_round_trip_and_each_gets_its_own_enrollment() {
    let mut app = TestApp::start().await;
    let look_ups = Arc::<SlowLookUps>::default();
    let proxy = Proxy::before(&app, &SHARED, "together", Arc::clone(&look_ups));
    app.reach_database_by(proxy.options(), 4).await;
    let workspaces = [app.workspace("one").await, app.workspace("two").await];
    let all = || workspaces.iter().flat_map(|workspace| (0..CUSTOMERS).map(move |number| (workspace, number)));
    // Both workspaces have customers with the same names.
    let ask = async || {
        join_all(all().map(async |(workspace, number)| {
            let body =
                json!({ "tenantId": format!("t{number}"), "partner": { "email": format!("u{number}@a.example") } });
            let answer = workspace.actor.post(TOKENS, body).await.expect(201);
            assert_eq!(claims(&answer)["wid"], workspace.id.to_string());
            enrollment(&answer)
        }))
        .await
    };
    let created = ask().await;
    look_ups.0.store(0, Ordering::Relaxed);
    assert_eq!(ask().await, created);
    // For each workspace: the first call, the calls that arrived meanwhile, and late calls.
    let count = look_ups.0.load(Ordering::Relaxed);
    assert!((4..=8).contains(&count), "{count} look-ups of {} calls", created.len());
    let mut different = created;
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 2 * CUSTOMERS);
}
