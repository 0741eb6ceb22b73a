//! Assembles the application from its parts: the same way for the server, for imports and for tests.

use std::sync::Arc;

use url::Url;

use crate::access::Access;
use crate::config::HttpConfig;
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
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<Ids>,
    /// The keys that sign embed tokens.
    pub keyring: Keyring,
    /// The rate limits of workspaces.
    pub limiter: Limiter,
    /// How much work is admitted at the same time.
    pub work: Limits,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The address that clients reach the server at.
    pub public_url: Url,
}

/// Assembles the application.
#[must_use]
pub fn assemble(parts: Parts) -> AppState {
    let Parts { db, clock, ids, keyring, limiter, work, metrics, public_url } = parts;
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
        gate: Gate::new(work),
        metrics,
        drain: Arc::default(),
        config: HttpConfig { docs_url: format!("{public_url}/docs"), issuer: public_url.to_string() },
        public_url,
        db,
        clock,
        ids,
    })
}
