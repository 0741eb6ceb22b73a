//! The background workers of the server. Each worker runs in rounds, supervised by a [`Supervisor`].

mod supervisor;

pub use supervisor::{Round, Supervisor, Worker};

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::db::TableStatistics;
use crate::embed_tokens::Keyring;
use crate::idempotency;
use crate::surfaces::state::AppState;

/// The pause between two removals of expired answers to an `Idempotency-Key`.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);
/// The pause between two upkeeps of the metrics.
const METRICS_INTERVAL: Duration = Duration::from_secs(5);

/// Returns the workers of a server. `options` connect to the database as the owner of the tables.
#[must_use]
pub fn of_server(app: &AppState, options: PgConnectOptions) -> Vec<Worker> {
    vec![keyring_refresh(app), idempotency_sweep(app), metrics_upkeep(app), table_statistics(options)]
}

/// Looks for new signing keys.
fn keyring_refresh(app: &AppState) -> Worker {
    let (keyring, db, clock) = (Arc::clone(&app.keyring), app.db.clone(), Arc::clone(&app.clock));
    Worker::new("keyring_refresh", Keyring::REFRESH_INTERVAL, move || {
        let (keyring, db, now) = (Arc::clone(&keyring), db.clone(), clock.now());
        async move { keyring.refresh(&db, now).await.map(|()| Round::Done(0)) }
    })
}

/// Deletes expired answers to an `Idempotency-Key`.
fn idempotency_sweep(app: &AppState) -> Worker {
    let (db, clock) = (app.db.clone(), Arc::clone(&app.clock));
    Worker::new("idempotency_sweep", SWEEP_INTERVAL, move || {
        let (db, now) = (db.clone(), clock.now());
        async move { idempotency::sweep(&db, now).await.map(Round::Done) }
    })
}

/// Keeps the memory of the metrics bounded, also while nobody reads the metrics.
fn metrics_upkeep(app: &AppState) -> Worker {
    let metrics = Arc::clone(&app.metrics);
    Worker::new("metrics_upkeep", METRICS_INTERVAL, move || {
        let metrics = Arc::clone(&metrics);
        async move {
            metrics.upkeep();
            Ok(Round::Done(0))
        }
    })
}

/// Refreshes the statistics of tables that have just begun to grow. `options` connect as the owner of the tables.
#[must_use]
pub fn table_statistics(options: PgConnectOptions) -> Worker {
    let statistics = Arc::new(TableStatistics::new(options));
    Worker::new("table_statistics", TableStatistics::INTERVAL, move || {
        let statistics = Arc::clone(&statistics);
        async move { statistics.refresh().await.map(|grown| if grown { Round::Finished } else { Round::Done(0) }) }
    })
    .starting_at_once()
}
