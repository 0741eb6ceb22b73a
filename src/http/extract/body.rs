//! A JSON request body.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes};
use hyper::header::CONTENT_TYPE;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::state::AppState;
use crate::validation::{FromFields, read_request};

/// The largest body that is read, in bytes.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// How long a client may take for it. Less than a request may take: then it is known that it was the client.
const BODY_TIMEOUT: Duration = Duration::from_secs(4);

/// A request body that was read into `T`, or 400, 413, 415 or 422.
pub struct Body<T>(pub T);

impl<T: FromFields> FromRequest<AppState> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &AppState) -> Result<Self> {
        let body = read(request, MAX_BODY, BODY_TIMEOUT).await?;
        let value: Value = serde_json::from_slice(&body).map_err(|_| malformed())?;
        read_request(&value).map(Self)
    }
}

/// The bytes of a JSON body.
pub(super) async fn read(request: Request, limit: usize, within: Duration) -> Result<Bytes> {
    if !is_json(&request) {
        // Clients declare no type where they send nothing.
        let nothing = request.body().is_end_stream() && !request.headers().contains_key(CONTENT_TYPE);
        return Err(if nothing {
            Error::bad_request("The request has no body.")
        } else {
            Error::unsupported_media_type()
        });
    }
    let body = Limited::new(request.into_body(), limit).collect();
    let body = tokio::time::timeout(within, body)
        .await
        .map_err(|_| Error::bad_request("The request body did not arrive in time."))?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Error::payload_too_large(limit)
        } else {
            Error::bad_request("The request body could not be read to its end.")
        }
    })?;
    Ok(body.to_bytes())
}

/// 400 for what is no JSON.
pub(super) fn malformed() -> Error {
    Error::bad_request("The request body is not valid JSON.")
}

/// `application/json` or a type with the suffix `+json`, with any parameters.
fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}
