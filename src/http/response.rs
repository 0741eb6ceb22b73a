//! Answers. An error travels to `middleware` as a value and is written there, in the dialect of its path.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use crate::error::{Code, Error};
use crate::validation::Problem;

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
        match path.strip_prefix("/partner_referral_links") {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', ':']) => Self::Partnero,
            _ => Self::Pearset,
        }
    }
}

/// Seconds after which a request that found the service unavailable may come again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// `{"error": {…}}`, with the members that the Partnero dialect adds.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
    #[serde(flatten)]
    partnero: Option<PartneroMembers<'a>>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: &'static str,
    message: &'a str,
    doc_url: String,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    errors: &'a [Problem],
}

#[derive(Serialize)]
struct PartneroMembers<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    status: u8,
}

/// Writes the body and the headers of an error.
pub(super) fn write_error(response: &mut Response, error: &Error, dialect: Dialect, docs_url: &str) {
    let code = error.code();
    let anchor = code.as_str().replacen('_', "-", 1);
    let partnero = (dialect == Dialect::Partnero).then(|| PartneroMembers {
        message: error.message(),
        errors: (code == Code::UnprocessableEntity).then(|| by_field(error)),
        status: 0,
    });
    let error = ErrorObject {
        code: code.as_str(),
        message: error.message(),
        doc_url: format!("{docs_url}/api-reference/errors#{anchor}"),
        errors: error.problems(),
    };
    // Nothing in it can fail to become JSON.
    let body = serde_json::to_vec(&ErrorBody { error, partnero }).unwrap_or_default();
    *response.body_mut() = Body::from(body);
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
fn by_field(error: &Error) -> BTreeMap<&str, Vec<&str>> {
    let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for problem in error.problems() {
        fields.entry(&problem.path).or_default().push(&problem.message);
    }
    fields
}
