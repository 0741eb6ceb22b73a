//! Too much work: the layer behind the rate limits, in front of whatever reads a body or asks the database. What cannot
//! be begun soon is refused at once: a request that waits for long is given up by its client, and the work on it is
//! done for nobody.

mod gate;

pub use gate::{Gate, Limits};

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::state::AppState;
use crate::workspaces::Grant;

/// The layer, and how many places a request takes.
pub(super) async fn admit(State((app, places)): State<(AppState, usize)>, request: Request, next: Next) -> Response {
    let Some(grant) = request.extensions().get::<Arc<Grant>>() else {
        return Error::internal("a gated route outside of `authenticate`").into_response();
    };
    match app.gate.enter(grant.workspace_id, places).await {
        Ok(place) => {
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(refusal) => {
            app.metrics.shed(refusal.reason());
            Error::overloaded().into_response()
        }
    }
}
