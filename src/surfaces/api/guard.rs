//! What a request to a route that needs a key passes, in this order: the route's time, its key, the rate limit, the
//! gate, and its `Idempotency-Key`.
//!
//! One layer, and not one for each: a layer clones and moves everything inside of it for each request, which was a tenth
//! of a repeat call.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access_log::WorkspaceTag;
use crate::error::Error;
use crate::http::extract::BodyLimit;
use crate::http::time_limit::within;
use crate::idempotency::once;
use crate::surfaces::state::AppState;
use crate::values::id::WorkspaceId;

/// What a kind of routes grants its requests.
pub(super) struct Terms {
    /// The application.
    pub(super) app: AppState,
    /// From the head of a request to that of its answer.
    pub(super) time: Duration,
    /// What is read of a body.
    pub(super) body: BodyLimit,
    /// Places at the gate that one request takes.
    pub(super) places: usize,
}

/// The layer.
pub(super) async fn guard(State(terms): State<Arc<Terms>>, request: Request, next: Next) -> Response {
    within(terms.time, request, |request| known(&terms, request, next)).await
}

/// The [`crate::workspaces::Grant`] of the key travels with the request.
async fn known(terms: &Terms, mut request: Request, next: Next) -> Response {
    let app = &terms.app;
    let grant = match app.access.authenticate(request.headers()).await {
        Ok(grant) => grant,
        Err(error) => return error.into_response(),
    };
    request.extensions_mut().insert(Arc::clone(&grant));
    let standing = app.limiter.take(grant.workspace_id, grant.plan).await;
    let mut response = match &standing {
        Some(standing) if !standing.is_admitted() => {
            app.metrics.rate_limited(grant.plan.as_str());
            Error::rate_limit_exceeded().into_response()
        }
        _ => gated(terms, grant.workspace_id, request, next).await,
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut(), app.clock.now());
    }
    response.extensions_mut().insert(WorkspaceTag(grant.workspace_id));
    response
}

async fn gated(terms: &Terms, workspace_id: WorkspaceId, request: Request, next: Next) -> Response {
    let app = &terms.app;
    match app.gate.enter(workspace_id, terms.places).await {
        Ok(place) => {
            let response = once(&app.idempotency, terms.body, request, next).await;
            drop(place);
            response
        }
        Err(refusal) => {
            app.metrics.shed(refusal.reason());
            Error::overloaded().into_response()
        }
    }
}
