//! Whether the process runs, and whether it can work.

use axum::extract::State;
use serde::Serialize;

use super::response::Found;
use crate::error::Result;
use crate::state::AppState;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(super) async fn get_health() -> Found<Health> {
    Found(Health { status: "ok" })
}

/// `GET /readyz`: the database answers too.
pub(super) async fn get_readiness(State(app): State<AppState>) -> Result<Found<Health>> {
    app.db.ping().await?;
    Ok(Found(Health { status: "ready" }))
}
