//! Rate limits of two servers that count together in a real Redis, and alone while Redis is unavailable.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use axum::Router;
use futures_util::future::join_all;
use pearset::testing::workspaces::Plan;
use tokio::time::sleep;

use super::{TAGS, metrics, number};
use crate::support::app::{TestApp, Workspace};
use crate::support::binary::{Home, Server};
use crate::support::cluster::{SHARED, TEMPLATE};
use crate::support::redis::Redis;

/// One request comes back every 3 seconds, so that hardly any does while a test counts. The clock is Redis's own.
const LIMITS: &str = "free=20";
const LIMIT: u64 = 20;
const FAILURES: &str = "\npearset_rate_limit_store_failures_total ";
const REPLENISH_INTERVAL: Duration = Duration::from_secs(3);

struct Site {
    app: TestApp,
    redis: RefCell<Redis>,
    servers: [Router; 2],
}

impl Site {
    async fn start() -> Self {
        let (app, redis) = (TestApp::start().await, Redis::start());
        let servers = [app.peer(LIMITS, &redis.url()).await, app.peer(LIMITS, &redis.url()).await];
        Self { app, redis: RefCell::new(redis), servers }
    }

    async fn workspace(&self, slug: &str) -> Workspace {
        self.app.workspace_on(slug, Plan::Free).await
    }

    /// Sends this many concurrent requests to all servers and returns the number of admitted requests. Asserts that every
    /// answer is 200 or 429.
    async fn admitted(&self, workspace: &Workspace, requests: usize) -> u64 {
        let calls = (0..requests).map(|turn| {
            let actor = workspace.actor.at(&self.servers[turn % 2]);
            async move {
                let answer = actor.get(TAGS).await;
                assert!([200, 429].contains(&answer.status.as_u16()), "{answer:?}");
                u64::from(answer.status == 200)
            }
        });
        join_all(calls).await.into_iter().sum()
    }

    /// Sends one request to each server and returns the remaining requests that each answer names.
    async fn remaining(&self, workspace: &Workspace) -> [u64; 2] {
        let mut remaining = [0; 2];
        for (router, remaining) in self.servers.iter().zip(&mut remaining) {
            *remaining = number(&workspace.actor.at(router).get(TAGS).await, "x-ratelimit-remaining");
        }
        remaining
    }

    /// Waits until the servers count together.
    async fn counts_together(&self) {
        let begin = Instant::now();
        for turn in 0.. {
            let workspace = self.workspace(&format!("probe-{turn}")).await;
            if self.remaining(&workspace).await == [LIMIT - 1, LIMIT - 2] {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(10), "the servers reconnect to Redis");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Asserts that the limit was admitted, plus the requests that came back in the meantime.
#[track_caller]
fn assert_exact(admitted: u64, limit: u64, begin: Instant) {
    let back = begin.elapsed().as_millis() / REPLENISH_INTERVAL.as_millis();
    let most = limit + u64::try_from(back).unwrap();
    assert!((limit..=most).contains(&admitted), "{admitted} passed in {:?}", begin.elapsed());
}

#[tokio::test]
async fn two_servers_together_admit_exactly_the_limit() {
    let site = Site::start().await;
    for round in 0..5 {
        let workspace = site.workspace(&format!("round-{round}")).await;
        let begin = Instant::now();
        assert_exact(site.admitted(&workspace, 128).await, LIMIT, begin);
    }
}

#[tokio::test]
async fn a_rejected_request_is_admitted_after_retry_after_has_passed() {
    let site = Site::start().await;
    let workspace = site.workspace("acme").await;
    site.admitted(&workspace, 40).await;
    let rejected = workspace.actor.at(&site.servers[0]).get(TAGS).await;
    let wait = number(&rejected, "retry-after");
    rejected.expect(429);
    assert!((1..=3).contains(&wait), "{wait}");
    sleep(Duration::from_secs(wait)).await;
    workspace.actor.at(&site.servers[1]).get(TAGS).await.expect(200);
}

#[tokio::test]
async fn without_redis_each_server_counts_alone_and_no_request_fails() {
    let site = Site::start().await;
    let acme = site.workspace("acme").await;
    let begin = Instant::now();
    assert_exact(site.admitted(&acme, 40).await, LIMIT, begin);
    assert!(!metrics(&site.app).contains(FAILURES), "{}", metrics(&site.app));

    site.redis.borrow_mut().kill();
    // Each server alone has counted nothing so far. The clock of the test stands still.
    assert_eq!(site.admitted(&acme, 128).await, 2 * LIMIT);
    assert!(metrics(&site.app).contains(FAILURES), "{}", metrics(&site.app));

    site.redis.borrow_mut().start_again();
    site.counts_together().await;
    let other = site.workspace("other").await;
    let begin = Instant::now();
    assert_exact(site.admitted(&other, 128).await, LIMIT, begin);
}

#[tokio::test]
async fn no_request_fails_while_redis_goes_away_and_comes_back() {
    let site = Site::start().await;
    for turn in 0..6 {
        let workspace = site.workspace(&format!("turn-{turn}")).await;
        let change = async {
            sleep(Duration::from_millis(10 + turn * 5)).await;
            let redis = &mut site.redis.borrow_mut();
            if turn % 2 == 0 { redis.kill() } else { redis.start_again() }
        };
        let (admitted, ()) = tokio::join!(site.admitted(&workspace, 400), change);
        // At most the whole limit of each of the three counters.
        assert!((LIMIT..=3 * LIMIT).contains(&admitted), "{admitted}");
    }
}

/// The first request waits for 50 ms; later requests do not wait at all.
#[tokio::test]
async fn a_frozen_redis_delays_few_requests_and_none_for_long() {
    let site = Site::start().await;
    let acme = site.workspace("acme").await;
    site.admitted(&acme, 4).await;
    site.redis.borrow_mut().freeze();
    let mut times = Vec::new();
    for _ in 0..60 {
        let begin = Instant::now();
        acme.actor.at(&site.servers[0]).get(TAGS).await;
        times.push(begin.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    site.redis.borrow_mut().thaw();
    let late = times.iter().filter(|time| **time >= Duration::from_millis(45)).count();
    assert!(times[0] >= Duration::from_millis(45), "the first request waits for Redis: {:?}", times[0]);
    // Without the memory of the outage all 60 requests would wait. A busy machine delays some more.
    assert!(late <= 15, "{late} requests waited: {times:?}");
    assert!(times.iter().all(|time| *time < Duration::from_millis(500)), "{times:?}");
    site.counts_together().await;
}

/// Runs the program with the setting.
#[tokio::test]
async fn servers_with_the_same_redis_url_count_together() {
    const KEY_OF_BOTH: &str = "PEARSET_BOOTSTRAP_API_KEY";
    let (database, redis) = (SHARED.lend(TEMPLATE).await, Redis::start());
    let url = redis.url();
    let counted = tokio::task::spawn_blocking({
        let database_url = database.url.clone();
        move || {
            let home = Home::with_database(&database_url);
            let key = home.run("key generate").succeeded().trim().to_owned();
            let start = || {
                let mut command = home.pearset();
                command
                    .env(KEY_OF_BOTH, &key)
                    .env("PEARSET_REDIS_URL", &url)
                    .env("PEARSET_RATE_LIMITS", "enterprise=9");
                Server::start(&mut command)
            };
            let servers = [start(), start()];
            let statuses: Vec<u16> = (0..14).map(|turn| servers[turn % 2].get(TAGS, &key).status).collect();
            statuses
        }
    });
    let statuses = counted.await.unwrap();
    assert_eq!(statuses[..9], [200; 9], "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 4, "{statuses:?}");
}
