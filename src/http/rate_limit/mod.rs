//! How many requests a workspace may make: the layer behind `authenticate`, in front of everything that costs more than
//! a request's head.

mod limits;
mod local;
mod standing;
mod store;

pub use limits::RateLimits;
pub use store::SharedStore;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use self::local::Local;
use self::standing::Standing;
use crate::clock::Clock;
use crate::error::Error;
use crate::id::WorkspaceId;
use crate::state::AppState;
use crate::workspaces::{Grant, Plan};

/// Counts the requests of each workspace.
pub struct Limiter {
    /// `None` where nothing is limited.
    local: Option<Local>,
    /// The count that several servers share.
    store: Option<SharedStore>,
}

impl Limiter {
    /// Nobody has made a request yet.
    #[must_use]
    pub fn new(limits: RateLimits, clock: &Arc<dyn Clock>, store: Option<SharedStore>) -> Self {
        Self { local: limits.per_plan().map(|limits| Local::new(limits, clock)), store }
    }

    /// Counts one request, if the workspace may make it. `None` where nothing is limited.
    async fn take(&self, workspace_id: WorkspaceId, plan: Plan) -> Option<Standing> {
        let local = self.local.as_ref()?;
        if let Some(store) = &self.store
            && let Some(standing) = store.take(workspace_id, local.limit(plan)).await
        {
            return Some(standing);
        }
        Some(local.take(workspace_id, plan))
    }
}

/// The layer.
pub(super) async fn limit(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let Some(grant) = request.extensions().get::<Arc<Grant>>() else {
        return Error::internal("a limited route outside of `authenticate`").into_response();
    };
    let plan = grant.plan;
    let Some(standing) = app.limiter.take(grant.workspace_id, plan).await else {
        return next.run(request).await;
    };
    let mut response = if standing.is_admitted() {
        next.run(request).await
    } else {
        app.metrics.rate_limited(plan.as_str());
        Error::rate_limit_exceeded().into_response()
    };
    standing.write(response.headers_mut(), app.clock.now());
    response
}
