//! Whether the process runs, and whether it can work.

use serde::Serialize;

use crate::error::Result;
use crate::http::response::Found;
use crate::surfaces::state::App;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(super) async fn get_health() -> Found<Health> {
    Found(Health { status: "ok" })
}

/// `GET /readyz`: the database answers too.
pub(super) async fn get_readiness(App(app): App) -> Result<Found<Health>> {
    app.db.ping().await?;
    Ok(Found(Health { status: "ready" }))
}
