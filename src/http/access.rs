//! One line of the access log for each request, and its place in the metrics. Neither has anything of the request but
//! its method and the route that it matched: paths and queries hold e-mail addresses and customers' ids.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use hyper::Method;
use tracing::field::display;

use super::authenticate::MadeFor;
use crate::error::Code;
use crate::state::AppState;
use crate::telemetry;
use crate::telemetry::metrics::{CLIENT_WENT_AWAY, InFlight, Route};

/// A request from its head to that of its answer.
pub(super) struct Visit {
    app: AppState,
    method: &'static str,
    route: Arc<Route>,
    began: Instant,
    /// `None` once it has ended.
    in_flight: Option<InFlight>,
}

impl Visit {
    pub(super) fn begin(app: &AppState, request: &Request) -> Self {
        let route = app.metrics.route(request.extensions().get().map(MatchedPath::as_str));
        let in_flight = Some(app.metrics.begin_request());
        Self { app: app.clone(), method: method(request.method()), route, began: Instant::now(), in_flight }
    }

    /// The request has this answer, with this code where it is an error.
    pub(super) fn end(mut self, response: &Response, error: Option<Code>) {
        let (status, took) = (response.status().as_u16(), self.count(response.status().as_u16()));
        let workspace = response.extensions().get().map(|MadeFor(workspace)| display(workspace));
        tracing::info!(
            target: telemetry::ACCESS,
            method = self.method,
            route = self.route.template(),
            status,
            duration_ms = milliseconds(took),
            bytes = response.body().size_hint().exact(),
            workspace,
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

/// The methods of HTTP; a client can make up any other.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
