//! The listener in front of a small service, driven over raw sockets.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response, StatusCode};
use pearset_listener::{Limits, Malformed, RequestBody, Timeouts, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tower::service_fn;

const HEAD: Duration = Duration::from_millis(300);
const IDLE: Duration = Duration::from_millis(1200);
const SLOW: Duration = Duration::from_millis(600);
/// Longer than every limit in these tests.
const LONG: Duration = Duration::from_secs(10);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_SLOW: &[u8] = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_ENDLESS: &[u8] = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_LARGE: &[u8] = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

fn limits() -> Limits {
    Limits { timeouts: Timeouts { head: HEAD, idle: IDLE, write: HEAD }, ..Limits::default() }
}

/// Answers without reading the body.
async fn respond(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = match request.uri().path() {
        "/slow" => {
            sleep(SLOW).await;
            Bytes::from_static(b"slow")
        }
        "/endless" => pending().await,
        "/large" => Bytes::from(vec![b'x'; 32 * 1024 * 1024]),
        _ => Bytes::from_static(b"ok"),
    };
    let mut response = Response::new(Full::new(body));
    if let Some(Malformed(reason)) = request.extensions().get() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        *response.body_mut() = Full::from(*reason);
    }
    Ok(response)
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        Self { address, stop, running: tokio::spawn(serve(listener, service_fn(respond), limits, stopped)) }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and returns everything that the server sends before closing the connection.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads a response that ends with the given body.
async fn read_response(stream: &mut TcpStream, body: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(body) {
        let mut bytes = [0; 4096];
        let count = timeout(LONG, stream.read(&mut bytes)).await.expect("the server answers").unwrap();
        assert_ne!(count, 0, "the connection was closed after {text:?}");
        text += str::from_utf8(&bytes[..count]).unwrap();
    }
    text
}

fn announces_close(response: &str) -> bool {
    response.to_lowercase().contains("\r\nconnection: close\r\n")
}

#[tokio::test]
async fn silent_connection_is_closed_after_the_head_timeout() {
    let server = Server::start(limits()).await;
    let opened_at = Instant::now();
    assert_eq!(read_to_end(&mut server.connect().await).await, "");
    assert!((HEAD..LONG).contains(&opened_at.elapsed()), "{:?}", opened_at.elapsed());
}

#[tokio::test]
async fn idle_connection_outlives_the_head_timeout_and_ends_at_the_idle_timeout() {
    let server = Server::start(limits()).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        stream.write_all(GET).await.unwrap();
        assert!(read_response(&mut stream, "ok").await.starts_with("HTTP/1.1 200 "));
        sleep(HEAD * 2).await;
    }
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn request_in_progress_has_no_read_timeout() {
    let server = Server::start(limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET_SLOW).await.unwrap();
    assert!(read_response(&mut stream, "slow").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn response_to_a_client_that_does_not_read_is_cut_off() {
    let server = Server::start(limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET_LARGE).await.unwrap();
    sleep(HEAD * 4).await;
    let mut bytes = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    assert!(read.is_err() || bytes.len() < 32 * 1024 * 1024, "the whole response arrived");
}

#[tokio::test]
async fn connection_above_the_limit_waits_until_another_connection_ends() {
    let server = Server::start(Limits { connections: 1, ..limits() }).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.write_all(GET).await.unwrap();
    read_response(&mut first, "ok").await;
    second.write_all(GET).await.unwrap();
    assert!(timeout(HEAD / 2, second.read_u8()).await.is_err(), "the second connection was served");
    drop(first);
    read_response(&mut second, "ok").await;
}

#[tokio::test]
async fn small_unread_body_keeps_the_connection_open() {
    let server = Server::start(limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(30)).await;
    stream.write_all(b"abc").await.unwrap();
    let response = read_response(&mut stream, "ok").await;
    assert!(!announces_close(&response), "{response}");
    stream.write_all(GET).await.unwrap();
    read_response(&mut stream, "ok").await;
}

#[tokio::test]
async fn unread_body_that_is_large_or_late_announces_the_close() {
    let server = Server::start(limits()).await;
    for headers in ["Content-Length: 65537", "Content-Length: 3", "Content-Length: 3\r\nExpect: 100-continue"] {
        let response = server.exchange(format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 200 ") && announces_close(&response), "{headers}: {response}");
    }
}

#[tokio::test]
async fn malformed_requests_are_marked_for_the_service() {
    let server = Server::start(limits()).await;
    for (headers, reason) in [
        ("Connection: close", "The request has no Host header."),
        ("Host: a\r\nHost: a\r\nConnection: close", "The request has more than one Host header."),
        ("Host: a/b\r\nConnection: close", "The Host header is not a host."),
        (
            "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
            "The request has both Content-Length and Transfer-Encoding.",
        ),
    ] {
        let response = server.exchange(format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 400 ") && response.ends_with(reason), "{headers}: {response}");
    }
}

#[tokio::test]
async fn shutdown_finishes_requests_in_progress_and_accepts_no_connection() {
    let server = Server::start(limits()).await;
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    idle.write_all(GET).await.unwrap();
    read_response(&mut idle, "ok").await;
    busy.write_all(GET_SLOW).await.unwrap();
    sleep(SLOW / 4).await;
    server.stop.send(()).unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(TcpStream::connect(server.address).await.is_err(), "a connection was accepted");
    let response = read_to_end(&mut busy).await;
    assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with("slow"), "{response}");
    timeout(LONG, server.running).await.expect("the server ends").unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_beyond_the_drain_deadline() {
    let server = Server::start(Limits { drain_deadline: HEAD, ..limits() }).await;
    let mut busy = server.connect().await;
    busy.write_all(GET_ENDLESS).await.unwrap();
    sleep(HEAD / 2).await;
    let stopped_at = Instant::now();
    server.stop.send(()).unwrap();
    timeout(LONG, server.running).await.expect("the server ends").unwrap();
    assert!(stopped_at.elapsed() >= HEAD, "{:?}", stopped_at.elapsed());
}
