//! The server is killed during requests. Repeating the same requests finds their outcome.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::binary::{Home, Server};
use crate::support::cluster::SHARED;
use crate::support::invariants;

const CLIENTS: usize = 8;
const ROUNDS: usize = 4;
/// Answers before each kill.
const ANSWERS: usize = 60;

/// Sends a request. Returns the status and body of the answer, if the answer arrived whole.
fn post(address: SocketAddr, key: &str, id: &str) -> Option<(u16, Value)> {
    let body = json!({"tenantId": "jane", "url": "https://example.com/a"}).to_string();
    let length = body.len();
    let request = format!(
        "POST /partners/links HTTP/1.1\r\nHost: pearset\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: {id}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().unwrap(), serde_json::from_str(body).ok()?))
}

#[tokio::test]
async fn each_request_takes_effect_once_although_servers_are_killed() {
    let database = SHARED.lend("template1").await;
    let home = Home::with_database(&database.url);
    let start = || Server::start(home.pearset().env("PEARSET_RATE_LIMITS", "enterprise=1000000"));
    let mut server = start();
    let (key, _) = server.introduction();
    server.post("/partners", &key, &json!({"email": "jane@example.com", "tenantId": "jane"})).expect(201);
    // Each request, with its answer if there was one.
    let sent: Mutex<Vec<(String, Option<Value>)>> = Mutex::default();
    for round in 0..ROUNDS {
        let address = server.address;
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (sent, key) = (&sent, &key);
                scope.spawn(move || {
                    for turn in 0.. {
                        let id = format!("{round}-{client}-{turn}");
                        let answer = post(address, key, &id);
                        if let Some((status, body)) = &answer {
                            assert_eq!(*status, 201, "{body}");
                        }
                        let is_over = answer.is_none();
                        sent.lock().unwrap().push((id, answer.map(|(_, body)| body)));
                        if is_over {
                            return;
                        }
                    }
                });
            }
            let enough = sent.lock().unwrap().len() + ANSWERS;
            while sent.lock().unwrap().len() < enough {
                thread::sleep(Duration::from_millis(1));
            }
            server.process.signal(Signal::SIGKILL);
        });
        assert_eq!(server.process.finish().code, None);
        server = start();
    }
    let sent = sent.into_inner().unwrap();
    let unknown = sent.iter().filter(|(_, answer)| answer.is_none()).count();
    assert!(unknown >= CLIENTS && sent.len() > unknown + ROUNDS * ANSWERS / 2, "{unknown} of {}", sent.len());
    for (id, answer) in &sent {
        let begin = Instant::now();
        let again = loop {
            let (status, body) = post(server.address, &key, id).expect("an answer");
            if status != 409 {
                assert_eq!(status, 201, "{body}");
                break body;
            }
            // The session of the killed server ends after a while.
            assert!(begin.elapsed() < Duration::from_secs(10), "{id}");
            thread::sleep(Duration::from_millis(20));
        };
        if let Some(answer) = answer {
            assert_eq!(&again, answer, "{id}");
        }
    }
    let links = invariants::count(&mut database.sql().await, "SELECT count(*) FROM links").await;
    assert_eq!(links, i64::try_from(sent.len()).unwrap() + 1, "one for each request, and the default link");
    server.end(Signal::SIGTERM).succeeded();
}
