//! A JSON request body.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::validation::{FromFields, read_request};

/// The limits of reading a body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    /// The largest body, in bytes.
    bytes: usize,
    /// The time that a client has for sending the body. It is shorter than the time limit of a request, so that a slow
    /// client is recognised as the cause.
    within: Duration,
}

impl BodyLimit {
    /// The limits of a request about one thing.
    pub const NORMAL: Self = Self { bytes: 1024 * 1024, within: Duration::from_secs(4) };
    /// The limits of a request about very many things.
    pub const BULK: Self = Self { bytes: 8 * 1024 * 1024, within: Duration::from_secs(20) };

    /// Reads the whole body.
    pub async fn read(self, body: axum::body::Body) -> Result<Bytes> {
        // A client that announces too large a body does not have to send the body.
        if body.size_hint().lower() > self.bytes as u64 {
            return Err(Error::payload_too_large(self.bytes));
        }
        let body = tokio::time::timeout(self.within, Limited::new(body, self.bytes).collect())
            .await
            .map_err(|_| Error::bad_request("The request body did not arrive in time."))?;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Error::payload_too_large(self.bytes)
            } else {
                Error::bad_request("The request body could not be read to its end.")
            }
        })?;
        Ok(body.to_bytes())
    }
}

/// A request body that was read into `T`, or 400, 413, 415 or 422.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = read(request, BodyLimit::NORMAL).await?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| malformed())?;
        read_request(&value).map(Self)
    }
}

/// Returns the bytes of a JSON body.
pub(super) async fn read(request: Request, limit: BodyLimit) -> Result<Bytes> {
    if !is_json(&request) {
        // Clients that send no body declare no type.
        let is_absent = request.body().is_end_stream() && !request.headers().contains_key(CONTENT_TYPE);
        return Err(if is_absent {
            Error::bad_request("The request has no body.")
        } else {
            Error::unsupported_media_type()
        });
    }
    limit.read(request.into_body()).await
}

/// Returns 400 for a body that is not JSON.
pub(super) fn malformed() -> Error {
    Error::bad_request("The request body is not valid JSON.")
}

/// Returns whether the content type is `application/json` or a type with the suffix `+json`, with any parameters.
fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}
