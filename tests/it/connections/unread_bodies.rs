//! Requests that are refused before their body is read: whether the connection goes on is what the answer says.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::{GET, connect, exchange, read_answer};
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

/// As a client has it that sends head and body in two packets.
const BETWEEN: Duration = Duration::from_millis(30);

/// The head of a request without a key.
fn head(headers: &str) -> String {
    format!("POST /partners HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n")
}

async fn server() -> (TestApp, LiveServer) {
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    (app, server)
}

/// The head of one with a key.
fn head_with(authorization: &str, headers: &str) -> String {
    head(&format!("Authorization: {authorization}\r\nContent-Type: application/json\r\n{headers}"))
}

/// A server, and the `Authorization` of a key for it.
async fn server_and_key() -> (TestApp, LiveServer, String) {
    let (app, server) = server().await;
    let authorization = app.workspace("acme").await.actor.authorization().to_owned();
    (app, server, authorization)
}

fn says_that_it_closes(answer: &str) -> bool {
    answer.to_lowercase().contains("\r\nconnection: close\r\n")
}

/// Clients keep connections, and most send a body after its head: a refusal must not take the connection away from
/// under the next request.
#[tokio::test]
async fn a_small_body_that_comes_late_costs_no_connection() {
    let (_app, server) = server().await;
    let largest = vec![b' '; 64 * 1024];
    let mut stream = connect(&server).await;
    for (head, body) in [
        (head("Content-Length: 2"), &b"{}"[..]),
        (head("Content-Length: 65536"), &largest[..]),
        (head("Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n"),
        // What would be two requests, were it not a body.
        (head("Content-Length: 41"), b"\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n"),
    ] {
        stream.write_all(head.as_bytes()).await.unwrap();
        sleep(BETWEEN).await;
        stream.write_all(body).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && !says_that_it_closes(&answer), "{answer}");
        stream.write_all(GET).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn a_connection_whose_body_is_not_waited_for_is_said_to_close() {
    let (_app, server) = server().await;
    let begin = Instant::now();
    for request in [
        head("Content-Length: 65537"),
        // The client may send it, or not.
        head("Content-Length: 2\r\nExpect: 100-continue"),
        // It does not come.
        head("Content-Length: 2"),
        head("Transfer-Encoding: chunked"),
        // More than was to be expected.
        head("Transfer-Encoding: chunked") + "10001\r\n" + &" ".repeat(0x10001) + "\r\n",
        head("Content-Length: 2\r\nHost: b") + "{}",
    ] {
        let answer = exchange(&server, request.as_bytes()).await;
        let status = if request.contains("Host: b") { "400" } else { "401" };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && says_that_it_closes(&answer), "{answer}");
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

/// A body that the handler reads is nobody's rest, however late it comes.
#[tokio::test]
async fn a_body_that_is_read_keeps_the_connection() {
    let (_app, server, authorization) = server_and_key().await;
    let mut stream = connect(&server).await;
    let body = r#"{"email":"jane@example.com"}"#;
    let head = head_with(&authorization, &format!("Content-Length: {}", body.len()));
    for _ in 0..2 {
        stream.write_all(head.as_bytes()).await.unwrap();
        sleep(BETWEEN).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 ") && !says_that_it_closes(&answer), "{answer}");
    }
}

#[tokio::test]
async fn who_announces_too_much_is_not_asked_for_it() {
    let (_app, server, authorization) = server_and_key().await;
    let head = head_with(&authorization, "Content-Length: 1048577\r\nExpect: 100-continue");
    let answer = exchange(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && says_that_it_closes(&answer), "{answer}");
}
