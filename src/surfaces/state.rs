//! The state of the application, and the parts that extractors and handlers take from it.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use hyper::http::request::Parts;

use crate::access::Access;
use crate::config::HttpConfig;
use crate::db::Db;
use crate::embed_tokens::{Keyring, TokenIssuer};
use crate::enrollments::EnrollmentLookups;
use crate::http::extract::{PublicUrl, request_db};
use crate::http::overload::Gate;
use crate::http::rate_limit::Limiter;
use crate::http::time_limit::Drain;
use crate::idempotency::Idempotency;
use crate::telemetry::Metrics;
use crate::values::clock::Clock;
use crate::values::id::Ids;
use crate::work::Executor;

/// The state of the application. One pointer, because axum clones the state several times for each request.
#[derive(Clone)]
pub struct AppState(Arc<Bound>);

/// The services, and how their work reaches the database.
pub struct Bound {
    /// The database, or the transaction that spans the request.
    pub db: Db,
    services: Arc<Services>,
}

impl AppState {
    fn within(&self, db: Db) -> Self {
        Self::bound(db, Arc::clone(&self.services))
    }

    fn bound(db: Db, services: Arc<Services>) -> Self {
        Self(Arc::new(Bound { db, services }))
    }
}

/// The parts of the state.
pub struct Services {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and randomness.
    pub ids: Arc<Ids>,
    /// The database, the clock and the ids, bound together for handlers.
    pub executor: Executor,
    /// The look-ups of enrollments, outside of any request's transaction.
    pub lookups: EnrollmentLookups,
    /// The keys that sign tokens.
    pub keyring: Arc<Keyring>,
    /// The issuer of embed tokens.
    pub issuer: TokenIssuer,
    /// API keys and their grants.
    pub access: Access,
    /// Requests with an `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// The requests of each workspace.
    pub limiter: Limiter,
    /// The requests in progress.
    pub gate: Arc<Gate>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Whether the server is shutting down.
    pub drain: Arc<Drain>,
    /// The address of the server.
    pub public_url: PublicUrl,
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

/// The application. Where a transaction spans the request, the database is that transaction.
pub struct App(pub AppState);

impl FromRequestParts<AppState> for App {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        Ok(Self(match request_db(parts) {
            Some(db) => app.within(db),
            None => app.clone(),
        }))
    }
}

macro_rules! parts {
    ($($part:ty = $field:ident;)*) => {$(
        impl FromRef<AppState> for $part {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        }
    )*};
}

parts! {
    Executor = executor;
    Access = access;
    Arc<Drain> = drain;
    PublicUrl = public_url;
    EnrollmentLookups = lookups;
    Arc<Keyring> = keyring;
    TokenIssuer = issuer;
    Arc<Metrics> = metrics;
}
