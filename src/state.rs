//! What every request can reach.

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::HttpConfig;
use crate::db::Db;
use crate::embed_tokens::Keyring;
use crate::enrollments::LookUps;
use crate::http::GrantCache;
use crate::http::overload::Gate;
use crate::http::rate_limit::Limiter;
use crate::http::time_limit::Drain;
use crate::id::Ids;
use crate::telemetry::Metrics;

/// The application's state. It is cloned several times for each request, so that it is one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Bound>);

/// The services, and how their work reaches the database.
pub struct Bound {
    /// The database, or the transaction that spans the request.
    pub db: Db,
    /// The enrollments that are looked for in it.
    pub look_ups: LookUps,
    services: Arc<Services>,
}

impl AppState {
    /// The same application whose work is a part of a transaction.
    #[must_use]
    pub fn within(&self, db: Db) -> Self {
        Self::bound(db, Arc::clone(&self.services))
    }

    fn bound(db: Db, services: Arc<Services>) -> Self {
        Self(Arc::new(Bound { look_ups: LookUps::new(db.clone()), db, services }))
    }
}

/// What the state consists of.
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<Ids>,
    /// The keys that sign tokens.
    pub keyring: Keyring,
    /// The API keys of the last second.
    pub grants: GrantCache,
    /// The requests of each workspace.
    pub limiter: Limiter,
    /// The requests in work.
    pub gate: Arc<Gate>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the server is about to end.
    pub drain: Drain,
    /// Settings that answers depend on.
    pub config: HttpConfig,
}

impl From<Services> for AppState {
    fn from(services: Services) -> Self {
        Self::bound(services.db.clone(), Arc::new(services))
    }
}

impl Deref for AppState {
    type Target = Bound;

    fn deref(&self) -> &Bound {
        &self.0
    }
}

impl Deref for Bound {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}
