//! Assembles the application from its parts, in the same way for the server, for imports and for tests.

use std::sync::Arc;

use url::Url;

use crate::access::Access;
use crate::db::Db;
use crate::embed_tokens::{Keyring, TokenIssuer};
use crate::enrollments::EnrollmentLookups;
use crate::http::extract::PublicUrl;
use crate::http::overload::{Gate, Limits};
use crate::http::rate_limit::Limiter;
use crate::idempotency::Idempotency;
use crate::surfaces::state::{AppState, Services};
use crate::telemetry::Metrics;
use crate::values::clock::Clock;
use crate::values::id::Ids;
use crate::work::Executor;

/// The parts that differ between a server, an import and a test.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and randomness.
    pub ids: Arc<Ids>,
    /// The keys that sign embed tokens.
    pub keyring: Keyring,
    /// The rate limits of workspaces.
    pub limiter: Limiter,
    /// The number of requests in progress at the same time, and the length of the queue.
    pub admission: Limits,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The address that clients reach the server at.
    pub public_url: Url,
}

/// Assembles the application.
#[must_use]
pub fn assemble(parts: Parts) -> AppState {
    let Parts { db, clock, ids, keyring, limiter, admission, metrics, public_url } = parts;
    let (keyring, public_url) = (Arc::new(keyring), PublicUrl::from(&public_url));
    AppState::from(Services {
        executor: Executor::new(db.clone(), Arc::clone(&clock), Arc::clone(&ids)),
        access: Access::new(db.clone(), Arc::clone(&clock)),
        idempotency: Idempotency::new(db.clone(), Arc::clone(&clock)),
        lookups: EnrollmentLookups::new(db.clone()),
        issuer: TokenIssuer::new(
            Arc::clone(&keyring),
            public_url.clone(),
            Arc::clone(&clock),
            Arc::clone(&ids),
            Arc::clone(&metrics),
        ),
        keyring,
        limiter,
        gate: Gate::new(admission),
        metrics,
        drain: Arc::default(),
        public_url,
        db,
        clock,
        ids,
    })
}
