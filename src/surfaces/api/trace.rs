//! The span of a request for an OpenTelemetry collector, with the attributes of OpenTelemetry's conventions for HTTP
//! servers. Like the access log, the span has the route, and nothing else of the path and the query.

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing::field::{Empty, display};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::error::Code;
use crate::telemetry;
use crate::values::id::WorkspaceId;

/// Returns a span that continues the trace in the client's `traceparent`. Without a collector the span is disabled, and
/// costs the check of one flag.
pub(super) fn span(headers: &HeaderMap, method: &'static str, route: Option<&str>, request_id: &str) -> Span {
    let span = tracing::trace_span!(
        target: telemetry::OTLP,
        parent: None,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty,
        pearset.request_id = request_id,
        pearset.workspace_id = Empty,
    );
    if !span.is_disabled() {
        span.record(
            "otel.name",
            display(format_args!("{method} {}", route.unwrap_or_default()).to_string().trim_end()),
        );
        // The call fails only without an exporter, and then nothing is lost.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
    }
    span
}

/// Records the outcome of the request.
pub(super) fn answered(span: &Span, status: u16, workspace: Option<WorkspaceId>, error: Option<Code>) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status);
    if let Some(workspace) = workspace {
        span.record("pearset.workspace_id", display(workspace));
    }
    if let Some(code) = error {
        span.record("error.type", code.as_str());
    }
    if status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}

/// Records that the request has no answer.
pub(super) fn abandoned(span: &Span) {
    span.record("error.type", "client_went_away");
}
