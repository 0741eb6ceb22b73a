//! The address that a request was sent to, as the client knows it.

use std::fmt::{self, Display};
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use hyper::http::request::Parts;
use url::{Url, form_urlencoded};

use crate::error::{Error, Result};

/// The address that clients reach the server at, without a slash at its end.
#[derive(Debug, Clone)]
pub struct PublicUrl(Arc<str>);

impl PublicUrl {
    /// Returns the address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PublicUrl {
    /// Returns the address of the API's documentation, which explains errors.
    #[must_use]
    pub fn docs(&self) -> String {
        format!("{self}/docs")
    }
}

impl From<&Url> for PublicUrl {
    fn from(url: &Url) -> Self {
        Self(url.as_str().trim_end_matches('/').into())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a request: the server's public URL, the path with the base that the client used, and the query.
#[derive(Debug, Clone)]
pub struct Address {
    url: String,
    query: Vec<(String, String)>,
}

impl Address {
    /// Returns the address without the query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address with this parameter at the end of the query, in place of a parameter of the same name.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Display) -> String {
        let others = self.query.iter().filter(|(other, _)| other != name);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair(name, &value.to_string());
        format!("{}?{}", self.url, query.finish())
    }
}

impl<S> FromRequestParts<S> for Address
where
    S: Send + Sync,
    PublicUrl: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        // The router removes the base from the address that handlers see.
        let OriginalUri(uri) =
            OriginalUri::from_request_parts(parts, state).await.unwrap_or_else(|infallible| match infallible {});
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Ok(Self { url: format!("{}{}", PublicUrl::from_ref(state), uri.path()), query })
    }
}
