//! The layer around every route: request ids, error bodies in the dialect of the path, headers, the access log, panics.

use std::any::Any;
use std::error::Error as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use pearset_listener::Malformed;
use tracing::Instrument as _;

use super::access_log::AccessLogEntry;
use super::dialects::{Dialect, write_error};
use crate::error::{Code, Error};
use crate::http::response::ErrorsWithin;
use crate::surfaces::state::AppState;
use crate::telemetry;
use crate::values::id::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;

/// The outermost layer. Log lines from inside of the layer have the id of the request.
pub(super) async fn observe(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let request_id = request_id(&app, &request);
    let id = request_id.to_str().unwrap_or_default();
    let entry = AccessLogEntry::begin(&app.metrics, &request, id);
    let for_collector = entry.span();
    let for_lines = tracing::error_span!(target: telemetry::REQUEST, "request", request_id = id);
    answer(app, request, request_id, entry, next).instrument(for_collector).instrument(for_lines).await
}

async fn answer(
    app: AppState,
    request: Request,
    request_id: HeaderValue,
    entry: AccessLogEntry,
    next: Next,
) -> Response {
    let dialect = Dialect::of(request.uri().path());
    let mut response = if let Some(Malformed(text)) = request.extensions().get() {
        Error::bad_request(*text).into_response()
    } else {
        next.run(request).await
    };
    let error = response.extensions_mut().remove::<Arc<Error>>();
    if let Some(error) = &error {
        log(error);
        write_error(&mut response, error, dialect, &app.public_url.docs());
    }
    if let Some(ErrorsWithin(errors)) = response.extensions_mut().remove() {
        for error in errors {
            log(&error);
        }
    }
    entry.end(&response, error.map(|error| error.code()));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, request_id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    }
    response
}

/// Returns the id that the client gave the request if that id is a plain word, else a new id.
fn request_id(app: &AppState, request: &Request) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
    };
    request.headers().get(REQUEST_ID).filter(plain).cloned().unwrap_or_else(|| {
        let id: RequestId = app.ids.next(app.clock.now());
        HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("req_unknown"))
    })
}

/// Logs the details of an error that the client does not get.
fn log(error: &Error) {
    let cause = error.source();
    match error.code() {
        Code::InternalServerError => tracing::error!(%error, ?cause, "request failed"),
        // An error without a cause belongs to a request that was not begun. The metrics count such requests.
        Code::ServiceUnavailable if cause.is_some() => tracing::warn!(%error, ?cause, "request was rejected"),
        _ => {}
    }
}

/// Turns a panic into a 500, like every other internal error.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub(super) fn on_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without text");
    Error::internal(text.to_owned()).into_response()
}
