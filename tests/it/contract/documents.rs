//! The contract, its documentation page, and the page of errors.

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::Value;

use super::headers::fetch;
use crate::support::actor::Answer;
use crate::support::app::TestApp;

const OPENAPI_YAML: &str = include_str!("../../../openapi.yaml");

/// Asserts that the `doc_url` of an error points to a page of this server with the right anchor.
pub(super) async fn assert_explained(app: &TestApp, error: &Answer) {
    let code = error.body["error"]["code"].as_str().unwrap();
    let url = error.body["error"]["doc_url"].as_str().unwrap();
    let (page, anchor) = url.split_once('#').unwrap();
    assert_eq!(anchor, code.replacen('_', "-", 1));
    let path = page.strip_prefix("https://partners.example.com").unwrap_or_else(|| panic!("{url} is elsewhere"));
    let (head, html) = fetch(app, path).await;
    assert_eq!(head.status, 200, "{url}");
    assert!(html.contains(&format!("id=\"{anchor}\"")), "{url} has no such place");
}

#[tokio::test]
async fn the_contract_is_served_unchanged() {
    let app = TestApp::start().await;
    assert_eq!(fetch(&app, "/openapi.yaml").await.1, OPENAPI_YAML);
    let served = app.stranger().get("/openapi.json").await.expect(200);
    let expected: Value = serde_saphyr::from_str(OPENAPI_YAML).unwrap();
    assert_eq!(served, expected);
}

/// Every spelling of the page's address shows the page, and all files of the page come from this server.
#[tokio::test]
async fn documentation_loads_from_this_server_only() {
    let app = TestApp::start().await;
    for page in ["/docs", "/docs/", "/docs?from=readme", "/docs/api-reference/errors"] {
        let (head, html) = fetch(&app, page).await;
        assert_eq!(head.status, 200, "{page}");
        assert!(head.headers[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"), "{page}");
        let policy = head.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(foreign_sources(policy), [""; 0], "{page}");

        let references = references(&html, &["href=\"", "src=\"", "url: '"]);
        assert!(!references.is_empty(), "{page} refers to nothing");
        for reference in references {
            assert!(reference.starts_with('/') && !reference.starts_with("//"), "{page} loads {reference}");
            let (head, text) = fetch(&app, &reference).await;
            assert_eq!(head.status, 200, "{page} loads {reference}");
            assert!(!text.is_empty(), "{page} loads {reference}");
            let content_type = head.headers[CONTENT_TYPE].to_str().unwrap();
            let expected = match reference.rsplit_once('.').map(|(_, extension)| extension) {
                Some("css") => "text/css",
                Some("js") => "text/javascript",
                Some("json") => "application/json",
                _ => "text/html",
            };
            assert!(content_type.starts_with(expected), "{reference} is {content_type}");
            if expected == "text/css" {
                let foreign = self::references(&text, &["url(", "@import"]).into_iter();
                let foreign: Vec<_> =
                    foreign.filter(|url| !url.trim_matches(['"', '\'']).starts_with("data:")).collect();
                assert_eq!(foreign, [""; 0], "{reference}");
            }
        }
    }
}

/// Returns the texts that follow the openings, up to the closing character.
fn references(text: &str, openings: &[&str]) -> Vec<String> {
    let found = openings.iter().flat_map(|opening| text.split(opening).skip(1));
    found
        .map(|rest| rest.split(['"', '\'', ')', ';']).find(|part| !part.is_empty()).unwrap_or_default().to_owned())
        .collect()
}

/// Returns the sources of a content security policy that allow other hosts.
fn foreign_sources(policy: &str) -> Vec<&str> {
    let sources = policy.split(';').flat_map(|directive| directive.split_whitespace().skip(1));
    sources.filter(|source| !["'self'", "'none'", "'unsafe-inline'", "data:"].contains(source)).collect()
}
