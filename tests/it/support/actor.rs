//! A caller that sends requests to a router and compares every answer with openapi.yaml.

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use pearset::testing::workspaces::ApiKey;
use serde_json::Value;
use tower::ServiceExt;

use super::{canaries, openapi};

/// A caller with or without a key.
#[derive(Clone)]
pub(crate) struct Actor {
    router: Router,
    authorization: Option<String>,
}

impl Actor {
    pub(crate) fn new(router: Router, key: Option<ApiKey>) -> Self {
        let authorization = key.map(|key| format!("Bearer {}", key.expose()));
        Self { router, authorization }
    }

    /// Returns the same caller at another server.
    pub(crate) fn at(&self, router: &Router) -> Self {
        Self { router: router.clone(), authorization: self.authorization.clone() }
    }

    /// Returns the same caller with another `Authorization` header.
    pub(crate) fn with_authorization(&self, value: &str) -> Self {
        Self { router: self.router.clone(), authorization: Some(value.to_owned()) }
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> &str {
        self.authorization.as_deref().unwrap_or_default()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_text(path, "application/json", body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send_json(Method::PUT, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send_json(Method::PATCH, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    async fn send_json(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    /// Posts a body that may be something other than JSON.
    pub(crate) async fn post_text(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        canaries::sent(&body);
        let response = self.router.clone().oneshot(Request::from_parts(head, Body::from(body))).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        openapi::check(&method, &path, parts.status.as_u16(), &parts.headers, &body);
        canaries::check_answer(parts.status.as_u16(), &body);
        Answer {
            request: format!("{method} {path}"),
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }
}

/// An answer that matches the contract.
#[derive(Debug)]
pub(crate) struct Answer {
    request: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Asserts the status and returns the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.request, self.body);
        self.body
    }

    /// Asserts the status and returns the message of the error.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16) -> String {
        let body = self.expect(status);
        body["error"]["message"].as_str().expect("an error has a message").to_owned()
    }
}
