//! Answers. An error travels to `middleware` as a value and is written there, in the dialect of its path.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::{Code, Error};

/// 200 with a JSON body.
pub struct Found<T>(pub T);

/// 201 with a JSON body.
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Found<T> {
    fn into_response(self) -> Response {
        write(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        write(StatusCode::CREATED, &self.0)
    }
}

fn write(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => Error::internal(error).into_response(),
    }
}

impl IntoResponse for Error {
    /// Carries the error; the body follows in [`write_error`], which knows the path.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// How errors of a path look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Pearset,
    Partnero,
}

impl Dialect {
    /// The dialect of a path below any of the three bases.
    pub(super) fn of(path: &str) -> Self {
        let path = path.strip_prefix("/api").or_else(|| path.strip_prefix("/v1")).unwrap_or(path);
        if path.starts_with("/partner_referral_links") { Self::Partnero } else { Self::Pearset }
    }
}

/// Seconds after which a request that found the service unavailable may come again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Writes the body and the headers of an error.
pub(super) fn write_error(response: &mut Response, error: &Error, dialect: Dialect, docs_url: &str) {
    let code = error.code();
    let anchor = code.as_str().replacen('_', "-", 1);
    let mut object = json!({
        "code": code.as_str(),
        "message": error.message(),
        "doc_url": format!("{docs_url}/api-reference/errors#{anchor}"),
    });
    if !error.problems().is_empty() {
        object["errors"] = json!(error.problems());
    }
    let mut body = json!({ "error": object });
    if dialect == Dialect::Partnero {
        body["message"] = json!(error.message());
        body["status"] = json!(0);
        if code == Code::UnprocessableEntity {
            body["errors"] = Value::Object(by_field(error));
        }
    }
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match code {
        Code::Unauthorized => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Code::ServiceUnavailable => {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        _ => {}
    }
}

/// `{"<field>": ["…"]}`.
fn by_field(error: &Error) -> Map<String, Value> {
    let mut fields = Map::new();
    for problem in error.problems() {
        let messages = fields.entry(problem.path.clone()).or_insert_with(|| json!([]));
        if let Value::Array(messages) = messages {
            messages.push(json!(problem.message));
        }
    }
    fields
}
