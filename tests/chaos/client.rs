//! An HTTP client, and the outcomes of its requests.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// The client's time limit, far above every promise: a server that exceeds the limit hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A caller with a key.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    authorization: String,
}

/// The outcome of a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer {
        status: u16,
        retry_after: bool,
        body: Value,
    },
    /// The connection broke or was refused.
    Broken,
    /// The server did not answer within the client's time limit.
    TimedOut,
}

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, address, authorization: format!("Bearer {key}") }
    }

    pub(crate) async fn send(&self, call: &Call) -> Outcome {
        let request = Request::builder()
            .method(call.method.clone())
            .uri(format!("http://{}{}", self.address, call.path))
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(call.body.to_string()))
            .expect("the parts of the request are well-formed");
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(outcome) => outcome.unwrap_or(Outcome::Broken),
            Err(_) => Outcome::TimedOut,
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Option<Outcome> {
        let (parts, body) = self.http.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let retry_after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        Some(Outcome::Answer {
            status: parts.status.as_u16(),
            retry_after: retry_after.is_some(),
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        })
    }

    /// Returns the bytes of a request, for callers that write to a connection directly.
    pub(crate) fn raw(&self, call: &Call) -> Vec<u8> {
        let (Self { address, authorization, .. }, Call { method, path, body }) = (self, call);
        let body = body.to_string();
        let length = body.len();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
