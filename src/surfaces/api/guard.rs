//! The checks that a request to a route with an API key passes, in this order: the route's time limit, the API key, the
//! rate limit, the gate, and the `Idempotency-Key`.
//!
//! All checks are in a single layer: each layer clones and moves everything inside of it for each request, and separate
//! layers cost a tenth of a repeat call.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access_log::WorkspaceTag;
use crate::access::Access;
use crate::error::Error;
use crate::http::extract::BodyLimit;
use crate::http::overload::Gate;
use crate::http::rate_limit::Limiter;
use crate::http::time_limit;
use crate::idempotency::{Idempotency, with_idempotency};
use crate::surfaces::state::AppState;
use crate::telemetry::Metrics;
use crate::values::clock::Clock;
use crate::values::id::WorkspaceId;

/// The parts of the application that the guard needs.
#[derive(Clone)]
pub(super) struct Guard {
    access: Access,
    limiter: Limiter,
    gate: Arc<Gate>,
    idempotency: Idempotency,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl FromRef<AppState> for Guard {
    fn from_ref(app: &AppState) -> Self {
        Self {
            access: app.access.clone(),
            limiter: app.limiter.clone(),
            gate: Arc::clone(&app.gate),
            idempotency: app.idempotency.clone(),
            metrics: Arc::clone(&app.metrics),
            clock: Arc::clone(&app.clock),
        }
    }
}

/// The limits of one kind of route.
pub(super) struct RoutePolicy {
    pub(super) guard: Guard,
    /// From the head of a request to the head of its answer.
    pub(super) time_limit: Duration,
    pub(super) body_limit: BodyLimit,
    /// The number of permits of the gate that one request takes.
    pub(super) permits: usize,
}

/// The layer around routes with an API key.
pub(super) async fn guard(State(policy): State<Arc<RoutePolicy>>, request: Request, next: Next) -> Response {
    time_limit::enforce(policy.time_limit, request, |request| authenticate(&policy, request, next)).await
}

/// Authenticates the API key and counts the request for the rate limit. The [`crate::workspaces::Grant`] of the key
/// travels with the request.
async fn authenticate(policy: &RoutePolicy, mut request: Request, next: Next) -> Response {
    let guard = &policy.guard;
    let grant = match guard.access.authenticate(request.headers()).await {
        Ok(grant) => grant,
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(Arc::clone(&grant));
    let status = guard.limiter.take(grant.workspace_id, grant.plan.rank()).await;
    let mut response = match &status {
        Some(status) if !status.is_admitted() => {
            guard.metrics.rate_limited(grant.plan.as_str());
            Error::rate_limit_exceeded().into_response()
        }
        _ => admit(policy, grant.workspace_id, request, next).await,
    };
    if let Some(status) = status {
        status.write(response.headers_mut(), guard.clock.now());
    }
    response.extensions_mut().insert(WorkspaceTag(grant.workspace_id));
    response
}

/// Waits for permits of the gate and runs the request.
async fn admit(policy: &RoutePolicy, workspace_id: WorkspaceId, request: Request, next: Next) -> Response {
    let guard = &policy.guard;
    match guard.gate.admit(workspace_id, policy.permits).await {
        Ok(permit) => {
            let response = with_idempotency(&guard.idempotency, policy.body_limit, request, next).await;
            drop(permit);
            response
        }
        Err(rejection) => {
            guard.metrics.shed(rejection.reason());
            Error::overloaded().into_response()
        }
    }
}
