//! `GET /metrics`, for Prometheus. Not among the routes of the API: it has a listener of its own, which clients do not
//! reach.

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::header::CONTENT_TYPE;
use moka::future::Cache;
use pearset_listener::{self as server, Limits};
use tokio::net::TcpListener;

use crate::outbox;
use crate::surfaces::state::AppState;

/// Who reads metrics makes few connections.
const CONNECTIONS: usize = 64;
/// How old the depth of the outbox may be.
const REMEMBER: Duration = Duration::from_secs(5);
/// How long the database may take to tell it. Prometheus waits ten seconds for all of the metrics.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often durations are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves the metrics for as long as the process runs.
pub async fn serve(listener: TcpListener, app: AppState) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving /metrics");
    }
    let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
    server::serve(listener, routes(app), limits, pending()).await;
}

/// Keeps the memory that metrics take bounded also where nobody reads them.
pub async fn upkeep(app: AppState) {
    let mut interval = tokio::time::interval(UPKEEP);
    loop {
        interval.tick().await;
        app.metrics.upkeep();
    }
}

/// The one route.
pub fn routes(app: AppState) -> Router {
    let depth = Cache::builder().time_to_live(REMEMBER).build();
    Router::new().route("/metrics", get(get_metrics)).with_state(Scrape { app, depth })
}

#[derive(Clone)]
struct Scrape {
    app: AppState,
    depth: Cache<(), i64>,
}

async fn get_metrics(State(Scrape { app, depth }): State<Scrape>) -> impl IntoResponse {
    // A depth that cannot be told is not remembered.
    let read = Box::pin(depth.try_get_with((), outbox::depth(&app.db)));
    let depth = tokio::time::timeout(PATIENCE, read).await.ok().and_then(Result::ok);
    let text = app.metrics.render(app.db.pool_use(), depth);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
