//! Requests that are rejected before their body is read keep the connection open, or the answer announces the close.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::{GET, connect, exchange, read_answer};
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

/// The pause of a client that sends head and body in two packets.
const BODY_DELAY: Duration = Duration::from_millis(30);

/// Returns the head of a request without an API key.
fn head(headers: &str) -> String {
    format!("POST /partners HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n")
}

async fn server() -> (TestApp, LiveServer) {
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    (app, server)
}

/// Returns the head of a request with an API key.
fn head_with(authorization: &str, headers: &str) -> String {
    head(&format!("Authorization: {authorization}\r\nContent-Type: application/json\r\n{headers}"))
}

/// Starts a server and returns the `Authorization` of an API key.
async fn server_and_key() -> (TestApp, LiveServer, String) {
    let (app, server) = server().await;
    let authorization = app.workspace("acme").await.actor.authorization().to_owned();
    (app, server, authorization)
}

fn announces_close(answer: &str) -> bool {
    answer.to_lowercase().contains("\r\nconnection: close\r\n")
}

/// Clients keep connections open, and most send the body after the head. A rejected request must not close the
/// connection under the next request.
#[tokio::test]
async fn a_small_late_body_keeps_the_connection_open() {
    let (_app, server) = server().await;
    let largest = vec![b' '; 64 * 1024];
    let mut stream = connect(&server).await;
    for (head, body) in [
        (head("Content-Length: 2"), &b"{}"[..]),
        (head("Content-Length: 65536"), &largest[..]),
        (head("Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n"),
        // A body that looks like two requests.
        (head("Content-Length: 41"), b"\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n"),
    ] {
        stream.write_all(head.as_bytes()).await.unwrap();
        sleep(BODY_DELAY).await;
        stream.write_all(body).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && !announces_close(&answer), "{answer}");
        stream.write_all(GET).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_body_announces_the_close() {
    let (_app, server) = server().await;
    let begin = Instant::now();
    for request in [
        head("Content-Length: 65537"),
        // The client may or may not send the body.
        head("Content-Length: 2\r\nExpect: 100-continue"),
        // The body never arrives.
        head("Content-Length: 2"),
        head("Transfer-Encoding: chunked"),
        // More bytes than the server discards.
        head("Transfer-Encoding: chunked") + "10001\r\n" + &" ".repeat(0x10001) + "\r\n",
        head("Content-Length: 2\r\nHost: b") + "{}",
    ] {
        let answer = exchange(&server, request.as_bytes()).await;
        let status = if request.contains("Host: b") { "400" } else { "401" };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && announces_close(&answer), "{answer}");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

/// A body that the handler reads keeps the connection open, however late the body arrives.
#[tokio::test]
async fn a_body_that_the_handler_reads_keeps_the_connection_open() {
    let (_app, server, authorization) = server_and_key().await;
    let mut stream = connect(&server).await;
    let body = r#"{"email":"jane@example.com"}"#;
    let head = head_with(&authorization, &format!("Content-Length: {}", body.len()));
    for _ in 0..2 {
        stream.write_all(head.as_bytes()).await.unwrap();
        sleep(BODY_DELAY).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 ") && !announces_close(&answer), "{answer}");
    }
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_not_requested() {
    let (_app, server, authorization) = server_and_key().await;
    let head = head_with(&authorization, "Content-Length: 1048577\r\nExpect: 100-continue");
    let answer = exchange(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && announces_close(&answer), "{answer}");
}
