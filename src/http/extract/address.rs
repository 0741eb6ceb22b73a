//! The address that a request was sent to.

use std::fmt::Display;

use axum::extract::{FromRequestParts, OriginalUri};
use hyper::http::request::Parts;
use url::form_urlencoded;

use crate::error::{Error, Result};
use crate::state::AppState;

/// The address as the client knows it: the server's public URL, the path with the base that was used, and the query.
#[derive(Debug, Clone)]
pub struct Address {
    url: String,
    query: Vec<(String, String)>,
}

impl Address {
    /// It without the query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It with this parameter in the query, behind all others.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Display) -> String {
        let others = self.query.iter().filter(|(other, _)| other != name);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair(name, &value.to_string());
        format!("{}?{}", self.url, query.finish())
    }
}

impl FromRequestParts<AppState> for Address {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        // The router takes the base away from the address that the handlers see.
        let OriginalUri(uri) =
            OriginalUri::from_request_parts(parts, app).await.unwrap_or_else(|infallible| match infallible {});
        let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Ok(Self { url: format!("{}{}", app.config.issuer, uri.path()), query })
    }
}
