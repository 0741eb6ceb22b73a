//! The contract: the file itself, as JSON, and as a page to read.

use axum::Router;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::Uri;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

/// `openapi.yaml`.
pub const OPENAPI_YAML: &str = include_str!("../../../openapi.yaml");
/// The same document, made by the build script.
pub(crate) const OPENAPI_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The page's own script stands in its text.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'",
);

pub(super) async fn get_openapi_yaml() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/yaml")], OPENAPI_YAML)
}

pub(super) async fn get_openapi_json() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI_JSON)
}

/// What an error's `doc_url` leads to.
const ERRORS_HTML: &str = include_str!("../../../assets/errors.html");

/// `GET /docs`, the files that the page loads, and the page of errors: all from this server.
pub(super) fn pages() -> Router {
    let definition = ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some("Pearset API"),
    };
    swagger_ui_dist::generate_routes(definition)
        .route("/docs/api-reference/errors", get(async || Html(ERRORS_HTML)))
        .layer(axum::middleware::map_response(allow_page_script))
        .layer(axum::middleware::map_request(plain_address))
}

/// The page names its files after the address that it was asked for: a query or a slash at the end of that would
/// lead them astray. No other handler here looks at it.
async fn plain_address(mut request: Request) -> Request {
    *request.uri_mut() = Uri::from_static("/docs");
    request
}

async fn allow_page_script(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}
