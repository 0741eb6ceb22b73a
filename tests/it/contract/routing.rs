//! The server has exactly the operations of openapi.yaml, at the bases that the client libraries use.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::header::ALLOW;
use http::{HeaderMap, Method};

use super::documents::assert_explained;
use super::requests::World;
use crate::support::app::TestApp;
use crate::support::openapi;

const BASES: [&str; 3] = ["", "/api", "/v1"];

#[tokio::test]
async fn every_operation_answers_at_its_bases() {
    let world = World::start().await;
    for base in BASES {
        for request in world.requests() {
            // Routes without an API key have one base.
            let expected = if base.is_empty() || request.operation.security { request.success() } else { 404 };
            let path = format!("{base}{}", request.path);
            let (name, request) = (request.operation.operation_id.clone(), request.with_path(&path));
            let answer = request.send(&world.workspace.actor).await;
            assert_eq!(answer.status, expected, "{name} at {path}: {}", answer.body);
        }
    }
}

/// `Allow` names the methods of a path: it shows that the router has those of openapi.yaml and no more.
#[tokio::test]
async fn other_methods_are_rejected_and_the_allowed_ones_are_listed() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let purge = Method::from_bytes(b"PURGE").unwrap();
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        purge,
    ];
    let mut refused = 0;
    for (path, allowed) in methods_by_path() {
        let bases = if is_public(&path) { &BASES[..1] } else { &BASES[..] };
        for base in bases {
            let path = format!("{base}{}", path.replace("{id}", &world.known.partner));
            for method in methods.iter().filter(|method| !allowed.contains(method.as_str())) {
                let answer = actor.send(actor.request(method.clone(), &path).body(Body::empty()).unwrap()).await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(allow(&answer.headers), allowed, "{method} {path}");
                if *method == Method::HEAD {
                    continue;
                }
                // The actor has checked the form of the answer.
                if openapi::dialect(&path) != openapi::Dialect::Affonso {
                    assert_eq!(answer.body["error"]["code"], "method_not_allowed", "{method} {path}");
                    assert_explained(&world.app, &answer).await;
                }
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "only {refused} requests were sent");
}

/// Returns the methods that each documented path allows. A path with GET allows HEAD.
fn methods_by_path() -> BTreeMap<String, BTreeSet<String>> {
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in openapi::operations() {
        let methods = paths.entry(operation.path).or_default();
        methods.insert(operation.method.to_string());
        if operation.method == Method::GET {
            methods.insert("HEAD".to_owned());
        }
    }
    paths
}

fn is_public(path: &str) -> bool {
    openapi::operations().iter().any(|operation| operation.path == path && !operation.security)
}

fn allow(headers: &HeaderMap) -> BTreeSet<String> {
    let values = headers.get_all(ALLOW).into_iter().flat_map(|value| value.to_str().unwrap().split(','));
    values.map(|method| method.trim().to_owned()).collect()
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let world = World::start().await;
    for request in world.requests() {
        if request.operation.method != Method::GET {
            continue;
        }
        let got = request.send(&world.workspace.actor).await;
        for (actor, status) in [(&world.workspace.actor, Some(got.status)), (&world.app.stranger(), None)] {
            let head = actor.request(Method::HEAD, &request.path).body(Body::empty()).unwrap();
            // The actor rejects an answer to HEAD with a body.
            let answer = actor.send(head).await;
            let expected = status.unwrap_or(if request.operation.security { 401 } else { 200 }.try_into().unwrap());
            assert_eq!(answer.status, expected, "{}", request.path);
        }
    }
}

/// The actor checks that each answer is the 404 of the path's dialect.
#[tokio::test]
async fn an_unknown_path_gets_the_usual_error() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "//",
        "/nothing",
        "/?partners",
        "/partners/",
        "//partners",
        "/Partners",
        "/partners/pn_01kkntq2cnf1prr1w49pfyaa1w/",
        "/partners/pn_01kkntq2cnf1prr1w49pfyaa1w/nothing",
        "/tokens/embed",
        "/embed",
        "/embed/token/",
        "/v1/embed/token/nothing",
        "/embed/tokens",
        "/api",
        "/api/",
        "/v1",
        "/v2/partners",
        "/api/v1/partners",
        "/apipartners",
        "/partner_referral_links/",
        "/partner_referral_links:nothing",
        "/api/partner_referral_links/link_01kkntq2cpfta8yamrpzxvg4jy/nothing",
        "/v1/partner_referral_links:domains/",
        "/partner_referral_linksx",
        "/docs/nothing",
        "/.well-known/nothing",
        "/%00",
        "/%ff",
        "/%zz",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let actor = app.stranger();
            let answer = actor.send(actor.request(method, path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 404, "{path}");
            if openapi::dialect(path) != openapi::Dialect::Affonso {
                assert_eq!(answer.body["error"]["code"], "not_found", "{path}");
                assert_explained(&app, &answer).await;
            }
        }
    }
}

/// Request targets without a path (RFC 9112, 3.2.3 and 3.2.4).
#[tokio::test]
async fn a_request_without_a_path_gets_the_usual_error() {
    let app = TestApp::start().await;
    for (method, target) in [(Method::OPTIONS, "*"), (Method::CONNECT, "example.com:443")] {
        let actor = app.stranger();
        let answer = actor.send(actor.request(method, target).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.expect(404)["error"]["code"], "not_found", "{target}");
    }
}

/// A malformed id is answered like an id that does not exist.
#[tokio::test]
async fn a_malformed_path_id_does_not_exist() {
    let world = World::start().await;
    let actor = &world.workspace.actor;
    let missing = actor.get("/partners/pn_01kkntq2cnf1prr1w49pfyaa1w").await.expect(404);
    let upper_case = world.known.partner.to_uppercase();
    let escaped_blank = format!("{}%20", world.known.partner);
    let other_kind = world.known.partner.replace("pn_", "link_");
    let long = "a".repeat(8_000);
    for id in [
        "%ff",
        "%c3%28",
        "%zz",
        "%",
        "%00",
        "%2e%2e",
        "..",
        ".",
        "%2F",
        "a%2Fb",
        "pn_",
        "'",
        "null",
        "0",
        "-1",
        ":domains",
        "%F0%9F%92%A9",
        "known",
        &upper_case,
        &escaped_blank,
        &other_kind,
        &long,
    ] {
        assert_eq!(actor.get(&format!("/partners/{id}")).await.expect(404), missing, "{id}");
    }
    // An id that is escaped without need is the same id.
    let escaped = world.known.partner.replace('_', "%5F");
    assert_eq!(actor.get(&format!("/partners/{escaped}")).await.expect(200)["id"], world.known.partner);
}
