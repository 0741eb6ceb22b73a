//! The layer around every route: request ids, headers that protect browsers, panics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, response};
use http_body_util::BodyExt;
use pearset::testing::app::{Parts, assemble};
use pearset::testing::build_app;
use pearset::testing::embed_tokens::{Keyring, SigningKeySource};
use pearset::testing::http::overload::Limits;
use pearset::testing::http::rate_limit::Limiter;
use pearset::testing::values::clock::{Clock, Timestamp};
use pearset::testing::workspaces::RateLimits;
use serde_json::Value;
use tower::ServiceExt;

use url::Url;

use super::requests::World;
use crate::support::app::TestApp;

/// Fetches a page or file, whose answer need not be JSON or documented in openapi.yaml.
pub(super) async fn fetch(app: &TestApp, path: &str) -> (response::Parts, String) {
    send(&app.router, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn send(router: &Router, request: Request<Body>) -> (response::Parts, String) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_plain_request_id_is_returned() {
    let app = TestApp::start().await;
    let longest = "a".repeat(128);
    for id in ["1", "72da9451-f3db-4c8d-9ea3-dc33b8f0a872", "Root=1-67891233-abcdef", "a_b.c:d/e+f=", &longest] {
        for path in ["/healthz", "/partners/pn_x", "/nothing"] {
            let request = Request::get(path).header("x-request-id", id).body(Body::empty()).unwrap();
            let answer = app.stranger().send(request).await;
            assert_eq!(answer.headers["x-request-id"], id, "{path}");
        }
    }
}

#[tokio::test]
async fn any_other_request_id_is_replaced_by_a_new_one() {
    let app = TestApp::start().await;
    let too_long = "a".repeat(129);
    let strange: [&[u8]; 8] = [b"", b" ", b"a b", b"a\tb", b"<b>", b"a\"b", "\u{e4}".as_bytes(), too_long.as_bytes()];
    let mut made = BTreeSet::new();
    for id in strange.into_iter().map(|id| HeaderValue::from_bytes(id).unwrap()) {
        let request = Request::get("/healthz").header("x-request-id", &id).body(Body::empty()).unwrap();
        let answer = app.stranger().send(request).await;
        assert_ne!(answer.headers["x-request-id"], id);
        assert!(made.insert(answer.headers["x-request-id"].clone()), "the id was given twice");
    }
    let answer = app.stranger().get("/healthz").await;
    assert!(made.insert(answer.headers["x-request-id"].clone()), "the id was given twice");
}

#[tokio::test]
async fn every_answer_protects_a_browser() {
    let world = World::start().await;
    let mut requests: Vec<Request<Body>> = Vec::new();
    for good in world.requests() {
        // With a key and without: a successful answer and an error.
        for actor in [&world.workspace.actor, &world.app.stranger()] {
            let body = good.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let request = actor.request(good.operation.method.clone(), &good.path);
            requests.push(request.header(CONTENT_TYPE, "application/json").body(body).unwrap());
        }
        requests.push(Request::delete(&good.path).body(Body::empty()).unwrap());
    }
    for path in ["/nothing", "/docs/swagger-ui.css", "/docs/api-reference/errors"] {
        requests.push(Request::get(path).body(Body::empty()).unwrap());
    }
    for request in requests {
        let name = format!("{} {}", request.method(), request.uri());
        let (head, _) = send(&world.app.router, request).await;
        assert_eq!(head.headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{name}");
        assert_eq!(head.headers[REFERRER_POLICY], "no-referrer", "{name}");
        let policy = head.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src") && policy.contains("frame-ancestors 'none'"), "{name}: {policy}");
    }
}

struct PanickingClock;

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        panic!("a secret of the server");
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_panic_is_an_error_like_every_other() {
    let app = TestApp::start().await;
    let clock: Arc<dyn Clock> = Arc::new(PanickingClock);
    let state = assemble(Parts {
        db: app.state.db.clone(),
        limiter: Limiter::new(RateLimits::default().tiers(), &clock, None),
        admission: Limits { in_progress: 1, waiting: 1, queue_timeout: Limits::QUEUE_TIMEOUT },
        clock,
        ids: Arc::clone(&app.state.ids),
        keyring: Keyring::new(&SigningKeySource::Database).unwrap(),
        metrics: Arc::default(),
        public_url: Url::parse("https://partners.example.com").unwrap(),
    });
    let request = Request::get("/.well-known/jwks.json").header("x-request-id", "mine").body(Body::empty()).unwrap();
    let (head, body) = send(&build_app(state), request).await;
    assert_eq!(head.status, 500);
    assert_eq!(head.headers[CONTENT_TYPE], "application/json");
    assert_eq!(head.headers["x-request-id"], "mine");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"]["code"], "internal_server_error");
    assert!(!body.to_string().contains("secret"), "{body}");
}
