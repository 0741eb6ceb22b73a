//! The contract: as the file itself, as JSON, and as a documentation page.

use axum::Router;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use hyper::Uri;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

/// `openapi.yaml`.
pub const OPENAPI_YAML: &str = include_str!("../../../openapi.yaml");
/// The same document as JSON, made by the build script.
pub(crate) const OPENAPI_JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The content security policy of the documentation page. The script of the page is inline.
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

/// The page that the `doc_url` of an error points to.
const ERRORS_HTML: &str = include_str!("../../../assets/errors.html");

/// Returns the routes of the documentation page, of the files that the page loads, and of the page of errors.
pub(super) fn pages() -> Router {
    let definition = ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some("Pearset API"),
    };
    swagger_ui_dist::generate_routes(definition)
        .route("/docs/api-reference/errors", get(async || Html(ERRORS_HTML)))
        .layer(axum::middleware::map_response(allow_page_script))
        .layer(axum::middleware::map_request(without_query_and_slash))
}

/// Replaces the address of a request. The page derives the addresses of its files from its own address, which a query or
/// a slash at the end would break. No other handler here reads the address.
async fn without_query_and_slash(mut request: Request) -> Request {
    *request.uri_mut() = Uri::from_static("/docs");
    request
}

async fn allow_page_script(mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}
