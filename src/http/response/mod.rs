//! Answers. An error travels to `middleware` as a value and is written there, in the dialect of its path.

mod affonso;
mod partnero;
mod pearset;

pub use pearset::ErrorObject;

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

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
        *response.status_mut() = status(self.code().status());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// How errors of a path look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Pearset,
    Partnero,
    Affonso,
}

impl Dialect {
    /// The dialect of a path below any of the three bases.
    pub(super) fn of(path: &str) -> Self {
        let path = path.strip_prefix("/api").or_else(|| path.strip_prefix("/v1")).unwrap_or(path);
        let follows = |prefix: &str, ends: &[char]| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(ends))
        };
        let of_partner = path.strip_prefix("/partners/").and_then(|rest| rest.split_once('/'));
        let lists_links = of_partner.is_some_and(|(partner, rest)| !partner.is_empty() && rest == "referral_links");
        if lists_links || follows("/partner_referral_links", &['/', ':']) {
            Self::Partnero
        } else if follows("/embed/token", &['/']) {
            Self::Affonso
        } else {
            Self::Pearset
        }
    }
}

/// Seconds after which a request that found the service unavailable may come again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Errors in the body of an answer that is none itself, for the log.
#[derive(Clone)]
pub struct ErrorsWithin(pub Vec<Arc<Error>>);

/// Writes the body and the headers of an error.
pub(super) fn write_error(response: &mut Response, error: &Error, dialect: Dialect, docs_url: &str) {
    // Nothing in them can fail to become JSON.
    let body = match dialect {
        Dialect::Pearset => serde_json::to_vec(&pearset::ErrorBody::new(error, docs_url)),
        Dialect::Partnero => serde_json::to_vec(&partnero::ErrorBody::new(error, docs_url)),
        Dialect::Affonso => {
            *response.status_mut() = status(affonso::status(error.code()));
            serde_json::to_vec(&affonso::ErrorBody::new(error))
        }
    };
    *response.body_mut() = Body::from(body.unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match error.code() {
        Code::Unauthorized => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Code::ServiceUnavailable => {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        _ => {}
    }
}
