//! Rate limits of a single server, whose clock stands still unless a test moves it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use hyper::body::{Bytes, Frame};
use pearset::testing::values::clock::Timestamp;
use pearset::testing::workspaces::{Plan, Scope};
use serde_json::json;
use time::macros::datetime;
use tower::ServiceExt;

use super::{TAGS, metrics, number};
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

#[tokio::test]
async fn each_plan_has_its_limit() {
    let app = TestApp::limited("").await;
    for (plan, limit) in
        [(Plan::Free, 60), (Plan::Pro, 600), (Plan::Business, 1200), (Plan::Advanced, 3000), (Plan::Enterprise, 3000)]
    {
        let workspace = app.workspace_on(plan.as_str(), plan).await;
        let answer = workspace.actor.get(TAGS).await;
        assert_eq!(number(&answer, "x-ratelimit-limit"), limit);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), limit - 1);
        assert_eq!(answer.headers["ratelimit-policy"], format!("\"default\";q={limit};w=60"));
        assert_eq!(answer.headers["ratelimit"], format!("\"default\";r={};t=1", limit - 1));
        // 12:00:00.250 and the time that one request takes to come back, up to a whole second.
        let whole =
            u64::try_from(app.state.clock.now().unix_seconds()).unwrap() + if plan == Plan::Free { 2 } else { 1 };
        assert_eq!(number(&answer, "x-ratelimit-reset"), whole, "{plan}");
    }
}

#[tokio::test]
async fn a_request_above_the_limit_is_429_until_retry_after_has_passed() {
    let app = TestApp::limited("pro=7").await;
    let workspace = app.workspace_on("acme", Plan::Pro).await;
    for offset in [0, 1, 249, 250, 571, 749, 750, 999] {
        app.clock.advance(Duration::from_mins(2) + Duration::from_millis(offset));
        for remaining in (0..7).rev() {
            let answer = workspace.actor.get(TAGS).await;
            assert_eq!((answer.status.as_u16(), number(&answer, "x-ratelimit-remaining")), (200, remaining));
        }
        let rejected = workspace.actor.get(TAGS).await;
        assert_eq!(rejected.headers["x-ratelimit-remaining"], "0");
        let wait = number(&rejected, "retry-after");
        assert_eq!(wait, 9, "a seventh of a minute");
        rejected.expect_error(429);
        app.clock.advance(Duration::from_secs(wait - 1));
        assert_eq!(number(&workspace.actor.get(TAGS).await, "retry-after"), 1);
        app.clock.advance(Duration::from_secs(1));
        workspace.actor.get(TAGS).await.expect(200);
        workspace.actor.get(TAGS).await.expect(429);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_limit_is_admitted_however_many_requests_are_concurrent() {
    let app = TestApp::limited("free=60").await;
    let server = Arc::new(LiveServer::start(&app).await);
    let workspace = app.workspace_on("acme", Plan::Free).await;
    let clients = (0..64).map(|_| {
        let (server, authorization) = (Arc::clone(&server), workspace.actor.authorization().to_owned());
        tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..4 {
                let answer = server.send(Method::GET, Some(&authorization), TAGS, String::new()).await;
                statuses.push(answer.0.as_u16());
            }
            statuses
        })
    });
    let mut counts = BTreeMap::new();
    for status in join_all(clients).await.into_iter().flat_map(Result::unwrap) {
        *counts.entry(status).or_insert(0) += 1;
    }
    assert_eq!(counts, BTreeMap::from([(200, 60), (429, 64 * 4 - 60)]));
}

#[tokio::test]
async fn all_keys_of_a_workspace_share_one_limit_that_other_workspaces_do_not_share() {
    let app = TestApp::limited("free=3").await;
    let (acme, other) = (app.workspace_on("acme", Plan::Free).await, app.workspace_on("other", Plan::Free).await);
    let second = app.actor_with(&acme, &[Scope::ApisRead]).await;
    let weak = app.actor_with(&acme, &[Scope::WebhooksRead]).await;
    acme.actor.get(TAGS).await.expect(200);
    second.get(TAGS).await.expect(200);
    // Requests count whatever their outcome.
    let forbidden = weak.get(TAGS).await;
    assert_eq!(number(&forbidden, "x-ratelimit-remaining"), 0);
    forbidden.expect(403);
    for actor in [&acme.actor, &second, &weak] {
        actor.get(TAGS).await.expect(429);
    }
    assert_eq!(number(&other.actor.get(TAGS).await, "x-ratelimit-remaining"), 2);
}

#[tokio::test]
async fn requests_without_a_key_have_no_limit_and_count_for_no_workspace() {
    let app = TestApp::limited("free=2").await;
    let workspace = app.workspace_on("acme", Plan::Free).await;
    for _ in 0..5 {
        let answer = app.stranger().get(TAGS).await;
        assert!(!answer.headers.contains_key("ratelimit"));
        answer.expect(401);
        workspace.actor.get("/healthz").await.expect(200);
        workspace.actor.get("/.well-known/jwks.json").await.expect(200);
    }
    assert_eq!(number(&workspace.actor.get(TAGS).await, "x-ratelimit-remaining"), 1);
}

#[tokio::test]
async fn nothing_is_limited_when_limits_are_off() {
    let app = TestApp::limited("off").await;
    let workspace = app.workspace_on("acme", Plan::Free).await;
    for _ in 0..200 {
        // Not sent by the actor, which expects rate limit headers in every answer.
        let request = workspace.actor.request(Method::GET, TAGS).body(Body::empty()).unwrap();
        let answer = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().keys().all(|name| !name.as_str().contains("ratelimit")), "{:?}", answer.headers());
    }
}

/// A body that panics when it is read.
struct Untouchable;

impl hyper::body::Body for Untouchable {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("the body was read");
    }
}

#[tokio::test]
async fn a_rejected_request_is_not_read_and_is_counted_by_plan() {
    let app = TestApp::limited("business=1").await;
    let workspace = app.workspace_on("acme", Plan::Business).await;
    workspace.actor.post(TAGS, json!({ "name": "one" })).await.expect(201);
    for path in [TAGS, "/partner_referral_links", "/v1/embed/token"] {
        let request = workspace.actor.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        // Not sent by the actor, which reads the bodies that it sends.
        let answer = app.router.clone().oneshot(request.body(Body::new(Untouchable)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    let metrics = metrics(&app);
    assert!(metrics.contains("pearset_rate_limited_total{plan=\"business\"} 3\n"), "{metrics}");
}

/// Setting the clock neither limits requests nor lifts a limit.
#[tokio::test]
async fn setting_the_clock_changes_no_count() {
    let app = TestApp::limited("free=2").await;
    let workspace = app.workspace_on("acme", Plan::Free).await;
    workspace.actor.get(TAGS).await.expect(200);
    for time in [datetime!(2016-03-01 0:00 UTC), datetime!(2036-03-01 0:00 UTC)] {
        app.clock.set(Timestamp::from(time));
        let remaining = number(&workspace.actor.get(TAGS).await, "x-ratelimit-remaining");
        let rejected = workspace.actor.get(TAGS).await;
        assert_eq!((remaining, number(&rejected, "retry-after")), (0, 30), "{time}");
        app.clock.advance(Duration::from_secs(30));
    }
}
