//! Query strings.

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::state::AppState;
use crate::validation::{FromFields, read_request};

/// A query string that was read into `T`, or 422. Of a repeated parameter the last one counts.
pub struct Query<T>(pub T);

impl<T: FromFields> FromRequestParts<AppState> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters: Map<String, Value> = url::form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        read_request(&Value::Object(parameters)).map(Self)
    }
}
