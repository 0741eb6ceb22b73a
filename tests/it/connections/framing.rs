//! Requests that break RFC 9112 are rejected with 400, and the connection closes; unusual requests that keep to RFC 9112
//! are accepted.

use super::exchange;
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

/// Bytes on the wire and the statuses of the answers. Every request but the last of a row keeps the connection open.
const REQUESTS: &[(&str, &[&str])] = &[
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]),
    ("\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]),
    ("GET /healthz HTTP/1.1\r\nhOsT:a:8080\r\nConnection: close\r\n\r\n", &["200"]),
    ("GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", &["200"]),
    ("GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", &["200"]),
    ("GET /healthz HTTP/1.0\r\n\r\n", &["200"]),
    ("GET http://a/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]),
    ("HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]),
    (
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        &["200", "200"],
    ),
    (
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &["200", "401"],
    ),
    // Host.
    ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", &["400"]),
    // The end of the body.
    (
        "POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        &["400"],
    ),
    (
        "POST /partners HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        &["400"],
    ),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabc", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", &["400"]),
    ("POST /partners HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", &["400"]),
    ("POST /partners HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &["400"]),
    // The request line and the headers.
    ("GET /healthz\r\n\r\n", &["400"]),
    ("GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    ("GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1 x\r\nHost: a\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/3.7\r\nHost: a\r\n\r\n", &["400"]),
    ("G\u{e4}T /healthz HTTP/1.1\r\nHost: a\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nb@d: x\r\n\r\n", &["400"]),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", &["400"]),
    ("hello\r\n\r\n", &["400"]),
    ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n", &["400"]),
];

#[tokio::test]
async fn malformed_requests_are_rejected_and_unusual_ones_are_not() {
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    for (request, expected) in REQUESTS {
        let answers = exchange(&server, request.as_bytes()).await;
        let statuses: Vec<&str> = answers.split("HTTP/1.").skip(1).map(|answer| &answer[2..5]).collect();
        assert_eq!(statuses, *expected, "{request:?}: {answers}");
    }
}

/// Requests that hyper accepts and this server rejects get the error body of every other error.
#[tokio::test]
async fn malformed_requests_get_the_usual_error_body() {
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    for (request, message) in [
        ("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", "The request has no Host header."),
        (
            "POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "The request has both Content-Length and Transfer-Encoding.",
        ),
    ] {
        let answer = exchange(&server, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("x-request-id: "), "{answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["code"], "bad_request");
        assert_eq!(body["error"]["message"], message);
    }
}

/// Too many headers, or too long headers, are rejected and not collected in memory.
#[tokio::test]
async fn the_size_of_a_head_is_limited() {
    let app = TestApp::start().await;
    let server = LiveServer::start(&app).await;
    let many = "X: y\r\n".repeat(200);
    let long = format!("X: {}\r\n", "y".repeat(1024 * 1024));
    let address = format!("/{}", "a".repeat(100_000));
    for request in [
        format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{long}\r\n"),
        format!("GET {address} HTTP/1.1\r\nHost: a\r\n\r\n"),
    ] {
        let answer = exchange(&server, request.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or("none");
        // A reset may overtake the answer to a head that the server did not read to its end.
        assert!(["431", "414", "none"].contains(&status), "{answer}");
    }
}
