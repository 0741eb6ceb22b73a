//! The extractor of a query string.

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::validation::{FromFields, read_request};

/// A query string that was read into `T`. Rejects with 422. A repeated parameter is a list, which is rejected where one
/// value is expected.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: FromFields> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.uri.query().unwrap_or_default();
        let mut parameters = Map::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = Value::String(value.into_owned());
            match parameters.get_mut(name.as_ref()) {
                None => drop(parameters.insert(name.into_owned(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        read_request(&Value::Object(parameters)).map(Self)
    }
}
