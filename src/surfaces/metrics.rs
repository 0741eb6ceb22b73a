//! `GET /metrics` for Prometheus. The metrics have a listener of their own, which clients of the API do not reach.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::header::CONTENT_TYPE;
use moka::future::Cache;
use pearset_listener::{self as server, Limits};
use tokio::net::TcpListener;

use crate::db::Db;
use crate::outbox;
use crate::surfaces::state::AppState;
use crate::telemetry::Metrics;

/// Connections of the metrics listener: few clients read metrics.
const MAX_CONNECTIONS: usize = 64;
/// The age up to which a depth of the outbox is reported without a new query.
const DEPTH_TTL: Duration = Duration::from_secs(5);
/// The time limit of the query for the depth. Prometheus waits ten seconds for all metrics.
const DEPTH_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves the metrics until the process ends.
pub async fn serve(listener: TcpListener, app: AppState) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving /metrics");
    }
    let limits = Limits { connections: MAX_CONNECTIONS, ..Limits::default() };
    server::serve(listener, routes(&app), limits, pending()).await;
}

/// Returns the route `/metrics`.
pub fn routes(app: &AppState) -> Router {
    let depth = Cache::builder().time_to_live(DEPTH_TTL).build();
    let scrape = Scrape { db: app.db.clone(), metrics: Arc::clone(&app.metrics), depth };
    Router::new().route("/metrics", get(get_metrics)).with_state(scrape)
}

#[derive(Clone)]
struct Scrape {
    db: Db,
    metrics: Arc<Metrics>,
    depth: Cache<(), i64>,
}

async fn get_metrics(State(Scrape { db, metrics, depth }): State<Scrape>) -> impl IntoResponse {
    // A query that failed is not cached.
    let read = Box::pin(depth.try_get_with((), outbox::depth(&db)));
    let depth = tokio::time::timeout(DEPTH_TIMEOUT, read).await.ok().and_then(Result::ok);
    let text = metrics.render(db.pool_use(), depth);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
