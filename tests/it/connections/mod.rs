//! Clients on raw sockets that are slow or send malformed requests, and connections at shutdown.

mod drain;
mod framing;
mod slow_clients;
mod unread_bodies;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::live::LiveServer;

/// Longer than any limit that these tests set.
const LONG: Duration = Duration::from_secs(10);

/// A request that needs no API key.
const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

async fn connect(server: &LiveServer) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Sends bytes and returns everything that the server sends until it closes the connection.
async fn exchange(server: &LiveServer, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(bytes).await.unwrap();
    read_to_end(&mut stream).await
}

/// Reads until the server closes the connection, which must happen in time.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // The kernel resets a connection with bytes that were never read.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the server closes the connection");
    String::from_utf8(answer).unwrap()
}

/// Reads one answer with a `Content-Length`.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let count = timeout(LONG, stream.read(&mut bytes)).await.expect("an answer").unwrap();
        assert_ne!(count, 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend(&bytes[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return text.into_owned();
        }
    }
}
