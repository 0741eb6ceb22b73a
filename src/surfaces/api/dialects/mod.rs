//! The dialects of the API: the error format of each path, and the translations of two vendors' routes.

pub mod affonso;
pub mod partnero;

use axum::body::Body;
use axum::response::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::error::{Code, Error};
use crate::http::response::{ErrorBody, status};

/// The error format of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::surfaces) enum Dialect {
    Pearset,
    Partnero,
    Affonso,
}

impl Dialect {
    /// Returns the dialect of a path below any of the three bases.
    pub(in crate::surfaces) fn of(path: &str) -> Self {
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

/// Seconds after which a client may repeat a request that found the service unavailable.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Writes the body and the headers of an error.
pub(in crate::surfaces) fn write_error(response: &mut Response, error: &Error, dialect: Dialect, docs_url: &str) {
    // No error body can fail to become JSON.
    let body = match dialect {
        Dialect::Pearset => serde_json::to_vec(&ErrorBody::new(error, docs_url)),
        Dialect::Partnero => serde_json::to_vec(&partnero::error::ErrorBody::new(error, docs_url)),
        Dialect::Affonso => {
            *response.status_mut() = status(affonso::error::status(error.code()));
            serde_json::to_vec(&affonso::error::ErrorBody::new(error))
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
