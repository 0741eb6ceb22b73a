//! The application behind a real socket, with a client.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use pearset_listener as server;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::app::TestApp;
use super::{canaries, openapi};

/// A listening server, which ends when the value is dropped.
pub(crate) struct LiveServer {
    pub(crate) address: SocketAddr,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    running: JoinHandle<()>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl LiveServer {
    pub(crate) async fn start(app: &TestApp) -> Self {
        Self::limited(app, server::Limits::default()).await
    }

    /// Starts the server with these limits of the listener instead of the defaults.
    pub(crate) async fn limited(app: &TestApp, limits: server::Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let state = app.state.clone();
        let stop_signal = async move {
            let _ = stopped.await;
            state.drain.begin(server::DRAIN_DEADLINE);
        };
        let running = tokio::spawn(server::serve(listener, app.router.clone(), limits, stop_signal));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, stop: Mutex::new(Some(stop)), running, client }
    }

    /// Sends a POST over a real connection and compares the answer with openapi.yaml.
    pub(crate) async fn post(&self, authorization: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let (status, _, body) = self.send(Method::POST, Some(authorization), path, body.to_string()).await;
        (status, body)
    }

    /// Sends a request over a real connection and compares the answer with openapi.yaml.
    pub(crate) async fn send(
        &self,
        method: Method,
        authorization: Option<&str>,
        path: &str,
        body: String,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("http://{}{path}", self.address))
            .header(CONTENT_TYPE, "application/json");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        canaries::sent(body.as_bytes());
        let request = request.body(Full::from(body)).unwrap();
        let response = tokio::time::timeout(Duration::from_secs(30), self.client.request(request)).await;
        let (parts, body) = response.expect("an answer in time").unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        openapi::check(&method, path, parts.status.as_u16(), &parts.headers, &body);
        canaries::check_answer(parts.status.as_u16(), &body);
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
    }

    /// Begins the shutdown, like a first signal to the process.
    pub(crate) fn tell_to_end(&self) {
        drop(self.stop.lock().unwrap().take());
    }

    /// Begins the shutdown and waits for the end of the server.
    pub(crate) async fn stop(self) {
        self.tell_to_end();
        self.running.await.unwrap();
    }
}
