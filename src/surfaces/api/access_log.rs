//! One line of the access log for each request, and its count in the metrics. Both have the method and the matched route,
//! and nothing else of the request: paths and queries hold e-mail addresses and customers' ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use hyper::Method;
use tracing::Span;

use super::trace;
use crate::error::Code;
use crate::telemetry;
use crate::telemetry::metrics::{CLIENT_WENT_AWAY, InFlight, Metrics, Route};
use crate::values::id::WorkspaceId;

/// The workspace of a request. The value travels with the response to the access log.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkspaceTag(pub(super) WorkspaceId);

/// The access log entry of a request, from the head of the request to the head of its answer.
pub(super) struct AccessLogEntry {
    metrics: Arc<Metrics>,
    method: &'static str,
    route: Arc<Route>,
    began: Instant,
    span: Span,
    /// `None` once the request has ended.
    in_flight: Option<InFlight>,
}

impl AccessLogEntry {
    pub(super) fn begin(metrics: &Arc<Metrics>, request: &Request, request_id: &str) -> Self {
        let (matched, method) = (request.extensions().get().map(MatchedPath::as_str), method(request.method()));
        let route = metrics.route(matched);
        let span = trace::span(request.headers(), method, matched.map(|_| route.template()), request_id);
        let in_flight = Some(metrics.begin_request());
        Self { metrics: Arc::clone(metrics), method, route, began: Instant::now(), span, in_flight }
    }

    /// Returns the span of the request for a collector.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Writes the entry of a request that has this answer, with the code of an error.
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
        self.metrics.answered(&self.route, self.method, status, took);
        took
    }
}

impl Drop for AccessLogEntry {
    /// Writes the entry of a request that was dropped before it was answered.
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

/// Returns milliseconds with a resolution of one microsecond.
fn milliseconds(duration: Duration) -> f64 {
    let microseconds = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    f64::from(microseconds) / 1000.0
}

/// Returns the name of a method. A client can make up methods: OpenTelemetry's name for an unknown method is `_OTHER`.
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
