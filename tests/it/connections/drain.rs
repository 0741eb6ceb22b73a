//! Shutdown of a server under load.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::app::TestApp;
use crate::support::invariants;
use crate::support::live::LiveServer;

const ROUNDS: u64 = 20;
const CLIENTS: usize = 8;

/// Makes one creating call. Returns the status of the answer, and whether the connection stays open.
async fn call(stream: &mut TcpStream, authorization: &str, email: &str) -> io::Result<(String, bool)> {
    let body = json!({ "partner": { "email": email } }).to_string();
    let length = body.len();
    let request = format!(
        "POST /tokens/embed/referrals HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend(&bytes[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return Ok((head[9..12].to_owned(), !head.contains("connection: close")));
        }
    }
}

/// Creates partners until the server accepts no more connections. Returns the e-mails of the acknowledged partners.
async fn create(address: SocketAddr, authorization: String, prefix: String) -> BTreeSet<String> {
    let (mut acknowledged, mut turn) = (BTreeSet::new(), 0);
    while let Ok(mut stream) = TcpStream::connect(address).await {
        loop {
            turn += 1;
            let email = format!("{prefix}-{turn}@example.com");
            let Ok((status, stays_open)) = call(&mut stream, &authorization, &email).await else { break };
            assert_eq!(status, "201");
            acknowledged.insert(email);
            if !stays_open {
                break;
            }
        }
    }
    acknowledged
}

/// Every request that was begun is answered. A request that arrives while the server closes the connection is not begun,
/// and the client notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_was_begun_is_answered() {
    let app = TestApp::start().await;
    let workspace = app.workspace("acme").await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let server = LiveServer::start(&app).await;
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let authorization = workspace.actor.authorization().to_owned();
            clients.spawn(create(server.address, authorization, format!("u{round}-{client}")));
        }
        sleep(Duration::from_millis(40 + round * 7)).await;
        server.tell_to_end();
        let of_round: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
        server.stop().await;
        assert!(!of_round.is_empty(), "the server was under load");
        acknowledged.extend(of_round);
    }
    assert_eq!(stored(&app).await, acknowledged);
    invariants::check(&app).await;
}

#[expect(clippy::disallowed_methods, reason = "the check is no part of the application's prepared queries")]
async fn stored(app: &TestApp) -> BTreeSet<String> {
    let emails: Vec<String> =
        sqlx::query_scalar("SELECT email FROM partners").fetch_all(&mut app.sql().await).await.unwrap();
    emails.into_iter().collect()
}
