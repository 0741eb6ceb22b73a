//! The extractor of an id in the path.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use hyper::http::request::Parts;

use crate::error::{Error, Result};

/// The only parameter of the path, read as an id. `None` when the text is no id: callers treat such a text like an id
/// that does not exist.
pub struct PathId<T>(pub Option<T>);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for PathId<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let id =
            parameters.ok().and_then(|parameters| parameters.iter().next().and_then(|(_, text)| text.parse().ok()));
        Ok(Self(id))
    }
}
