//! The extractor of a JSON request body.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::validation::{FromFields, read_request};

/// The largest body that is read, and the longest time for reading.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    /// The largest body, in bytes.
    bytes: usize,
    /// The longest time that a client may take to send the body. The time is shorter than the time limit of the route, so
    /// that the answer can say that the client was too slow.
    timeout: Duration,
}

impl BodyLimit {
    /// The limit of a request about one item.
    pub const NORMAL: Self = Self { bytes: 1024 * 1024, timeout: Duration::from_secs(4) };
    /// The limit of a request about many items.
    pub const BULK: Self = Self { bytes: 8 * 1024 * 1024, timeout: Duration::from_secs(20) };

    /// Reads the whole body.
    ///
    /// # Errors
    /// 413 for a body that is too large, 400 for a body that is incomplete or late.
    pub async fn read(self, body: axum::body::Body) -> Result<Bytes> {
        // A client that announces a body which is too large does not have to send the body.
        if body.size_hint().lower() > self.bytes as u64 {
            return Err(Error::payload_too_large(self.bytes));
        }
        let body = tokio::time::timeout(self.timeout, Limited::new(body, self.bytes).collect())
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

/// A request body that was read into `T`. Rejects with 400, 413, 415 or 422.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = read(request, BodyLimit::NORMAL).await?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| malformed())?;
        read_request(&value).map(Self)
    }
}

/// Reads the bytes of a JSON body.
pub(super) async fn read(request: Request, limit: BodyLimit) -> Result<Bytes> {
    if !is_json(&request) {
        // Clients declare no type when they send no body.
        let is_empty = request.body().is_end_stream() && !request.headers().contains_key(CONTENT_TYPE);
        return Err(if is_empty {
            Error::bad_request("The request has no body.")
        } else {
            Error::unsupported_media_type()
        });
    }
    limit.read(request.into_body()).await
}

/// Returns the error for a body that is not JSON: 400.
pub(super) fn malformed() -> Error {
    Error::bad_request("The request body is not valid JSON.")
}

/// Returns whether the type is `application/json` or has the suffix `+json`, with any parameters.
fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}
