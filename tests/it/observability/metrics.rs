//! `GET /metrics` on its own listener, and the counts in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use futures_util::poll;
use http::{Method, Request};
use http_body_util::BodyExt;
use pearset::testing::app::{Parts, assemble};
use pearset::testing::build_app;
use pearset::testing::db::Db;
use pearset::testing::embed_tokens::{Keyring, SigningKeySource};
use pearset::testing::error::Error;
use pearset::testing::http::overload::Limits;
use pearset::testing::http::rate_limit::Limiter;
use pearset::testing::surfaces::metrics as scrape;
use pearset::testing::surfaces::state::AppState;
use pearset::testing::values::clock::{Clock, SystemClock};
use pearset::testing::values::id::Ids;
use serde_json::json;
use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;
use tower::ServiceExt;
use url::Url;

use super::get;
use crate::support::app::{POOL_SIZE, TestApp};
use crate::support::binary::{Home, Server};
use crate::support::cluster::{SHARED, TEMPLATE};

const TOKENS: &str = "/tokens/embed/referrals";

/// Returns the text of an application's metrics.
async fn scraped(state: &AppState) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = scrape::routes(state).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Returns the value of a series in the text.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

#[track_caller]
fn expect(text: &str, series: &[(&str, &str)]) {
    for (series, expected) in series {
        assert_eq!(value(text, series), Some(*expected), "{series} in\n{text}");
    }
}

#[tokio::test]
async fn a_route_has_one_name_for_all_bases_and_no_names_beyond_the_contract() {
    let app = TestApp::start().await;
    let actor = app.workspace("acme").await.actor;
    for base in ["", "/api", "/v1"] {
        actor.get(&format!("{base}/partners/someone-{}?email=a%40b.de", base.len())).await.expect(404);
    }
    app.stranger().get("/partners/someone").await.expect(401);
    app.stranger().get("/nowhere/someone").await.expect(404);
    actor.send(actor.request(Method::from_bytes(b"BREW").unwrap(), "/partners").body(Body::empty()).unwrap()).await;
    let text = scraped(&app.state).await;
    expect(
        &text,
        &[
            (r#"pearset_http_requests_total{method="GET",route="/partners/{id}",status="404"}"#, "3"),
            (r#"pearset_http_requests_total{method="GET",route="/partners/{id}",status="401"}"#, "1"),
            (r#"pearset_http_requests_total{method="GET",route="unmatched",status="404"}"#, "1"),
            (r#"pearset_http_requests_total{method="_OTHER",route="/partners",status="405"}"#, "1"),
            (r#"pearset_http_request_duration_seconds_count{method="GET",route="/partners/{id}"}"#, "4"),
            (r#"pearset_http_request_duration_seconds_bucket{method="GET",route="/partners/{id}",le="+Inf"}"#, "4"),
            ("pearset_http_requests_in_flight", "0"),
        ],
    );
    assert!(!text.contains("someone") && !text.contains("BREW"), "{text}");
    let routes: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_once(r#"route=""#)?.1.split('"').next()).collect();
    assert_eq!(routes, BTreeSet::from(["/partners", "/partners/{id}", "unmatched"]));
}

#[tokio::test]
async fn tokens_are_counted_by_route_and_by_whether_the_enrollment_is_new() {
    let app = TestApp::start().await;
    let workspace = app.workspace("acme").await;
    for _ in 0..3 {
        workspace.actor.post(TOKENS, json!({ "partner": { "email": "jane@example.com" } })).await.expect(201);
    }
    let affonso = json!({ "programId": workspace.program_id, "partner": { "email": "jane@example.com" } });
    workspace.actor.post("/v1/embed/token", affonso).await.expect(201);
    workspace.actor.post(TOKENS, json!({ "tenantId": "nobody" })).await.expect(404);
    let text = scraped(&app.state).await;
    expect(
        &text,
        &[
            (r#"pearset_tokens_minted_total{route="/tokens/embed/referrals",enrollment="created"}"#, "1"),
            (r#"pearset_tokens_minted_total{route="/tokens/embed/referrals",enrollment="found"}"#, "2"),
            (r#"pearset_tokens_minted_total{route="/embed/token",enrollment="found"}"#, "1"),
            (r#"pearset_transactions_total{name="enroll",outcome="ok"}"#, "2"),
            (r#"pearset_transactions_total{name="find_enrollment",outcome="ok"}"#, "5"),
            (r#"pearset_transaction_duration_seconds_count{name="find_enrollment"}"#, "5"),
        ],
    );
}

#[tokio::test]
async fn transactions_are_counted_by_outcome_with_their_retries() {
    let app = TestApp::start().await;
    let endings = [
        ("refused", Error::not_enrolled()),
        ("unavailable", Error::lost_race().after_commit()),
        ("failed", Error::internal("a test")),
    ];
    for (outcome, error) in endings {
        let error = Arc::new(error);
        let work = app.state.db.global().run("of_a_test", move |_, _| {
            let error = error.again();
            Box::pin(async move { Err::<(), _>(error) })
        });
        assert!(work.await.is_err(), "{outcome}");
    }
    let third_time = app.state.db.global().run("of_a_test", |_, attempt| {
        Box::pin(async move { if attempt < 2 { Err(Error::lost_race()) } else { Ok(()) } })
    });
    third_time.await.unwrap();
    let text = scraped(&app.state).await;
    for outcome in ["ok", "refused", "unavailable", "failed"] {
        expect(&text, &[(&format!(r#"pearset_transactions_total{{name="of_a_test",outcome="{outcome}"}}"#), "1")]);
    }
    expect(
        &text,
        &[
            (r#"pearset_transaction_retries_total{name="of_a_test",reason="lost_race"}"#, "2"),
            (r#"pearset_transaction_retries_total{name="of_a_test",reason="contention"}"#, "0"),
        ],
    );
}

#[tokio::test]
async fn a_request_whose_client_went_away_is_counted_as_499() {
    let app = TestApp::start().await;
    let actor = app.workspace("acme").await.actor;
    let request = actor.request(Method::GET, "/partners").body(Body::empty()).unwrap();
    let mut answer = Box::pin(app.router.clone().oneshot(request));
    assert!(poll!(&mut answer).is_pending());
    expect(&scraped(&app.state).await, &[("pearset_http_requests_in_flight", "1")]);
    drop(answer);
    let given_up = r#"pearset_http_requests_total{method="GET",route="/partners",status="499"}"#;
    expect(&scraped(&app.state).await, &[("pearset_http_requests_in_flight", "0"), (given_up, "1")]);
}

#[tokio::test]
async fn gauges_show_the_pool_the_outbox_and_the_process() {
    let app = TestApp::start().await;
    let actor = app.workspace("acme").await.actor;
    for n in 0..3 {
        actor.post(TOKENS, json!({ "partner": { "email": format!("jane{n}@example.com") } })).await.expect(201);
    }
    let mut admin = SHARED.admin_of(app.database_name()).await;
    // Refreshes the estimate, which PostgreSQL would refresh at some later time.
    admin.execute("ANALYZE outbox").await.unwrap();
    let text = scraped(&app.state).await;
    let idle: usize = value(&text, r#"pearset_database_connections{state="idle"}"#).unwrap().parse().unwrap();
    assert!((1..=POOL_SIZE).contains(&idle), "{text}");
    expect(
        &text,
        &[
            ("pearset_outbox_events", "3"),
            (r#"pearset_database_connections{state="in_use"}"#, "0"),
            ("pearset_database_connections_max", &POOL_SIZE.to_string()),
            ("pearset_database_waiting", "0"),
            (r#"pearset_build_info{version="0.1.0"}"#, "1"),
        ],
    );
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
        assert!(value(&text, name).unwrap().parse::<f64>().unwrap() > 0.0, "{name}");
    }
}

#[tokio::test]
async fn every_metric_has_help_and_type() {
    let app = TestApp::start().await;
    let actor = app.workspace("acme").await.actor;
    actor.post(TOKENS, json!({ "partner": { "email": "jane@example.com" } })).await.expect(201);
    app.state.metrics.rate_limited("free");
    app.state.metrics.rate_limit_store_failed();
    app.state.metrics.shed("queue_full");
    app.state.metrics.worker_succeeded("idempotency_sweep", app.state.clock.now());
    let text = scraped(&app.state).await;
    let mut described: BTreeMap<&str, u32> = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("# ")) {
        *described.entry(line.split(' ').nth(2).unwrap()).or_default() += 1;
    }
    assert!(described.values().all(|lines| *lines == 2), "HELP and TYPE, once each: {described:?}");
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(described.contains_key(family), "{line}");
    }
    for name in [
        "pearset_rate_limited_total",
        "pearset_rate_limit_store_failures_total",
        "pearset_shed_total",
        "pearset_worker_runs_total",
        "pearset_worker_last_success_timestamp_seconds",
    ] {
        assert!(described.contains_key(name), "{name}");
    }
}

/// Returns an application whose database is unavailable.
fn without_database() -> AppState {
    let (ids, metrics) = (Arc::new(Ids::seeded(1)), Arc::default());
    let nowhere = PgConnectOptions::new_without_pgpass().socket("/nonexistent");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    assemble(Parts {
        db: Db::new(nowhere, 1, Arc::clone(&ids), Arc::clone(&metrics)).unwrap(),
        limiter: Limiter::new(None, &clock, None),
        admission: Limits { in_progress: 1, waiting: 1, queue_timeout: Limits::QUEUE_TIMEOUT },
        clock,
        ids,
        keyring: Keyring::new(&SigningKeySource::Database).unwrap(),
        metrics,
        public_url: Url::parse("https://a.example").unwrap(),
    })
}

#[tokio::test]
async fn only_the_outbox_is_missing_from_the_metrics_while_the_database_is_unavailable() {
    let state = without_database();
    let router: Router = build_app(state.clone());
    let ready = Request::get("/readyz").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(ready).await.unwrap().status(), 503);
    let begin = Instant::now();
    let text = scraped(&state).await;
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    expect(
        &text,
        &[
            ("pearset_outbox_events", "NaN"),
            (r#"pearset_http_requests_total{method="GET",route="/readyz",status="503"}"#, "1"),
            (r#"pearset_transactions_total{name="ping",outcome="unavailable"}"#, "1"),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_on_their_own_listener_only() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let server = Server::start(home.pearset().env("PEARSET_METRICS_LISTEN", "127.0.0.1:0"));
    let line = server.process.logged("serving /metrics");
    let address = line["address"].as_str().unwrap();
    let (status, text) = get(address, "/metrics");
    assert_eq!(status, 200);
    assert!(value(&text, "process_start_time_seconds").is_some(), "{text}");
    assert_eq!(get(address, "/partners").0, 404, "the listener serves nothing else");
    server.send(&Method::GET, "/metrics", &[], "").expect(404);
}
