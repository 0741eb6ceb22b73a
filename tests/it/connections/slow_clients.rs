//! Slow clients are disconnected; clients that pause between two requests are not.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pearset_listener::{Limits, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::{GET, LONG, connect, read_answer, read_to_end};
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

const HEAD: Duration = Duration::from_millis(400);
const IDLE: Duration = Duration::from_millis(1500);

fn limits() -> Limits {
    Limits { timeouts: Timeouts { head: HEAD, idle: IDLE, write: HEAD }, ..Limits::default() }
}

async fn server() -> (TestApp, LiveServer) {
    let app = TestApp::start().await;
    let server = LiveServer::limited(&app, limits()).await;
    (app, server)
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let (_app, server) = server().await;
    let begin = Instant::now();
    assert_eq!(read_to_end(&mut connect(&server).await).await, "");
    assert!((HEAD..HEAD * 3).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_client_that_sends_the_head_byte_by_byte_is_disconnected() {
    let (_app, server) = server().await;
    let mut stream = connect(&server).await;
    // Also on a connection that has served a request.
    stream.write_all(GET).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
    let begin = Instant::now();
    for byte in GET.iter().cycle().filter(|byte| **byte != b'\n') {
        if stream.write_all(&[*byte]).await.is_err() || begin.elapsed() > LONG {
            break;
        }
        sleep(HEAD / 20).await;
    }
    assert!((HEAD..HEAD * 3).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_connection_may_pause_between_two_requests() {
    let (_app, server) = server().await;
    let mut stream = connect(&server).await;
    for _ in 0..2 {
        stream.write_all(GET).await.unwrap();
        assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200 "));
        sleep(HEAD * 2).await;
    }
    let begin = Instant::now();
    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(begin.elapsed() < IDLE, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let (_app, server) = server().await;
    let mut stream = connect(&server).await;
    let requests = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(50);
    let begin = Instant::now();
    // More bytes than the buffers of both kernels hold: at some point neither side makes progress.
    loop {
        let sent = timeout(HEAD * 5, stream.write_all(&requests)).await.expect("the connection does not hang");
        if sent.is_err() {
            break;
        }
        assert!(begin.elapsed() < LONG, "still served");
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_the_whole_answer() {
    let (_app, server) = server().await;
    let mut stream = connect(&server).await;
    let last = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let requests = [&b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n".repeat(59)[..], last].concat();
    stream.write_all(&requests).await.unwrap();
    let (mut bytes, mut total) = (vec![0; 512 * 1024], Vec::new());
    loop {
        // Each pause is shorter than the time limit of a write, and all pauses together are much longer.
        sleep(HEAD / 8).await;
        let count = timeout(LONG, stream.read(&mut bytes)).await.unwrap().unwrap();
        if count == 0 {
            break;
        }
        total.extend(&bytes[..count]);
    }
    assert_eq!(String::from_utf8(total).unwrap().matches("HTTP/1.1 200 ").count(), 60);
}

/// Uses the time limits of production.
#[tokio::test]
async fn two_thousand_silent_connections_are_closed_in_ten_seconds_and_block_no_other_client() {
    let app = TestApp::start().await;
    let server = LiveServer::limited(&app, Limits::of_process()).await;
    let mut normal = connect(&server).await;
    let mut silent = Vec::new();
    // One after the other: the kernel drops connections that arrive faster than the server accepts them.
    for turn in 0..2_000 {
        let mut stream = connect(&server).await;
        stream.write_all(&GET[..if turn % 2 == 0 { 0 } else { GET.len() / 2 }]).await.unwrap();
        silent.push((Instant::now(), stream));
        if turn % 20 == 0 {
            let begin = Instant::now();
            normal.write_all(GET).await.unwrap();
            assert!(read_answer(&mut normal).await.starts_with("HTTP/1.1 200 "));
            // Other tests run at the same time.
            assert!(begin.elapsed() < HEAD * 5, "{turn}: {:?}", begin.elapsed());
        }
    }
    let ended = silent.iter_mut().map(|(opened_at, stream)| async {
        let mut bytes = [0];
        assert_eq!(stream.read(&mut bytes).await.unwrap(), 0, "an answer without a request");
        opened_at.elapsed()
    });
    let slowest = timeout(LONG * 2, join_all(ended)).await.unwrap().into_iter().max().unwrap();
    assert!(slowest <= Duration::from_secs(10), "{slowest:?}");
}

#[tokio::test]
async fn a_connection_above_the_limit_is_served_when_another_ends() {
    let app = TestApp::start().await;
    let server = LiveServer::limited(&app, Limits { connections: 1, ..limits() }).await;
    let (mut first, mut second) = (connect(&server).await, connect(&server).await);
    first.write_all(GET).await.unwrap();
    assert!(read_answer(&mut first).await.starts_with("HTTP/1.1 200 "));
    second.write_all(GET).await.unwrap();
    assert!(timeout(HEAD / 2, second.read_u8()).await.is_err(), "served next to the first connection");
    drop(first);
    assert!(read_answer(&mut second).await.starts_with("HTTP/1.1 200 "));
}

/// The answer to a rejected request reaches a client that is still sending the body.
#[tokio::test]
async fn a_client_that_is_rejected_while_sending_gets_the_answer() {
    let (_app, server) = server().await;
    let mut stream = connect(&server).await;
    let body = vec![b' '; 4 * 1024 * 1024];
    let head = format!("POST /partners HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    for part in body.chunks(64 * 1024) {
        stream.write_all(part).await.expect("the server still accepts bytes");
        sleep(Duration::from_millis(1)).await;
    }
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap().expect("no reset");
    assert!(answer.starts_with(b"HTTP/1.1 401 "), "{}", String::from_utf8_lossy(&answer));
}
