//! Responses. An error travels with the response as an extension; the outermost layer writes its body, in the dialect
//! of the request's path.

pub use super::error_object::{ErrorBody, ErrorObject};

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::error::Error;

/// The answer 200 with a JSON body.
pub struct Found<T>(pub T);

/// The answer 201 with a JSON body.
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
    /// Attaches the error to an empty response. The outermost layer writes the body.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(self.code().status());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Returns the status with this number, or 500 for a number that is not a status.
#[must_use]
pub fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The errors of a response that reports errors inside its own body. The value travels with the response to the log.
#[derive(Clone)]
pub struct ErrorsWithin(pub Vec<Arc<Error>>);
