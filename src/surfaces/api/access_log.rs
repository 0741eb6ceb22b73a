//! One line of the access log for each request, and its place in the metrics. Neither has anything of the request but
//! its method and the route that it matched: paths and queries hold e-mail addresses and customers' ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use hyper::Method;
use tracing::Span;

use super::trace;
use crate::error::Code;
use crate::surfaces::state::AppState;
use crate::telemetry;
use crate::telemetry::metrics::{CLIENT_WENT_AWAY, InFlight, Route};
use crate::values::id::WorkspaceId;

/// The workspace of a request. The value travels with the response to the access log.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkspaceTag(pub(super) WorkspaceId);

/// A request from its head to that of its answer.
pub(super) struct Visit {
    app: AppState,
    method: &'static str,
    route: Arc<Route>,
    began: Instant,
    span: Span,
    /// `None` once it has ended.
    in_flight: Option<InFlight>,
}

impl Visit {
    pub(super) fn begin(app: &AppState, request: &Request, request_id: &str) -> Self {
        let (matched, method) = (request.extensions().get().map(MatchedPath::as_str), method(request.method()));
        let route = app.metrics.route(matched);
        let span = trace::span(request.headers(), method, matched.map(|_| route.template()), request_id);
        let in_flight = Some(app.metrics.begin_request());
        Self { app: app.clone(), method, route, began: Instant::now(), span, in_flight }
    }

    /// The span of the request, for a collector.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The request has this answer, with this code where it is an error.
    pub(super) fn end(mut self, response: &Response, error: Option<Code>) {
        let (status, took) = (response.status().as_u16(), self.count(response.status().as_u16()));
        let workspace = response.extensions().get().map(|WorkspaceTag(workspace)| *workspace);
        trace::answered(&self.span, status, workspace, error);
        tracing::info!(
            target: telemetry::ACCESS,
            method = self.method,
            route = self.route.template(),
            status,
            duration_ms = milliseconds(took),
            bytes = response.body().size_hint().exact(),
            workspace = workspace.map(tracing::field::display),
            error = error.map(Code::as_str),
            "answered"
        );
    }

    fn count(&mut self, status: u16) -> Duration {
        let took = self.began.elapsed();
        self.in_flight = None;
        self.app.metrics.answered(&self.route, self.method, status, took);
        took
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.in_flight.is_none() {
            return;
        }
        let took = self.count(CLIENT_WENT_AWAY);
        trace::abandoned(&self.span);
        tracing::info!(
            target: telemetry::ACCESS,
            method = self.method,
            route = self.route.template(),
            status = CLIENT_WENT_AWAY,
            duration_ms = milliseconds(took),
            "the client went away"
        );
    }
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    let microseconds = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(microseconds) / 1000.0
}

/// The methods of HTTP. A client can make up any other, for which OpenTelemetry has this name.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}
