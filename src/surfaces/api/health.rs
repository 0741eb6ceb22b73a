//! Health checks: whether the process runs, and whether the database answers.

use serde::Serialize;

use crate::error::Result;
use crate::http::extract::RequestDb;
use crate::http::response::Found;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(super) async fn get_health() -> Found<Health> {
    Found(Health { status: "ok" })
}

/// `GET /readyz`: the database answers too.
pub(super) async fn get_readiness(RequestDb(db): RequestDb) -> Result<Found<Health>> {
    db.ping().await?;
    Ok(Found(Health { status: "ready" }))
}
