//! The state of the application, and the parts that extractors and handlers take from it.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;

use crate::access::Access;
use crate::db::Db;
use crate::embed_tokens::{Keyring, TokenIssuer};
use crate::enrollments::EnrollmentLookups;
use crate::http::extract::PublicUrl;
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
pub struct AppState(Arc<Services>);

/// The parts of the state.
pub struct Services {
    /// The database.
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    /// The source of ids and randomness.
    pub ids: Arc<Ids>,
    /// The database, the clock and the ids, bound together for handlers.
    pub executor: Executor,
    /// The look-ups of enrollments, outside of any request's transaction.
    pub lookups: EnrollmentLookups,
    /// The keys that sign tokens.
    pub keyring: Arc<Keyring>,
    /// The issuer of embed tokens.
    pub issuer: TokenIssuer,
    /// The authentication of API keys.
    pub access: Access,
    /// The execution of requests with an `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// The rate limits of workspaces.
    pub limiter: Limiter,
    /// The gate that bounds the requests in progress.
    pub gate: Arc<Gate>,
    pub metrics: Arc<Metrics>,
    /// The shutdown of the server.
    pub drain: Arc<Drain>,
    /// The address that clients reach the server at.
    pub public_url: PublicUrl,
}

impl From<Services> for AppState {
    fn from(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
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
    Db = db;
    Access = access;
    Arc<Drain> = drain;
    PublicUrl = public_url;
    EnrollmentLookups = lookups;
    Arc<Keyring> = keyring;
    TokenIssuer = issuer;
    Arc<Metrics> = metrics;
}
