//! The end of the server: by one signal, by two signals, and by SIGKILL.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use nix::sys::signal::Signal;
use pearset::testing::values::id::Ids;
use pearset::testing::workspaces::ApiKey;
use serde_json::json;

use super::{enroll, is_running, postgres_of};
use crate::frozen::Frozen;
use crate::support::binary::{Home, Reply, Server};

/// Waits for a condition. Returns false when the condition does not hold in time.
fn soon(condition: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        if condition() {
            return true;
        }
        thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A request whose body has not been sent. The server waits for the body.
struct HalfSent {
    stream: TcpStream,
    body: String,
}

impl HalfSent {
    fn enrollment(server: &Server, key: &str, email: &str) -> Self {
        let body = json!({ "email": email }).to_string();
        let mut stream = TcpStream::connect(server.address).unwrap();
        let head = format!(
            "POST /partners HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            server.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The server asks for the body, so the request is inside of the handler.
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "));
        Self { stream, body }
    }

    fn send_body(mut self) -> Reply {
        self.stream.write_all(self.body.as_bytes()).unwrap();
        Reply::read(self.stream, &Method::POST, "/partners")
    }
}

#[test]
fn a_signal_ends_the_server_after_its_requests_are_answered() {
    let home = Home::new();
    let key = ApiKey::generate(&Ids::system());
    let key = key.expose();
    for (signal, email) in [(Signal::SIGINT, "ctrl-c@example.com"), (Signal::SIGTERM, "service@example.com")] {
        let server = Server::start(home.pearset().env("PEARSET_BOOTSTRAP_API_KEY", key));
        let (address, postgres) = (server.address, postgres_of(&home));
        assert!(is_running(postgres));
        let idle = TcpStream::connect(address).unwrap();
        let request = HalfSent::enrollment(&server, key, email);

        server.process.signal(signal);
        assert!(soon(|| TcpStream::connect(address).is_err()), "no new connection is accepted");
        let partner = request.send_body().expect(201)["id"].as_str().unwrap().to_owned();
        server.process.finish().succeeded();
        assert!(!is_running(postgres), "{signal}: PostgreSQL ends before the server does");
        drop(idle);

        let next = Server::start(&mut home.pearset());
        assert_eq!(next.get(&format!("/partners/{partner}"), key).expect(200)["email"], email);
        next.end(signal).succeeded();
    }
}

/// The server waits for a PostgreSQL that does not react, and its runtime has ended.
#[test]
fn a_second_signal_ends_a_server_whose_shutdown_hangs() {
    let home = Home::new();
    let server = Server::start(&mut home.pearset());
    let frozen = Frozen::new(postgres_of(&home)).unwrap();
    // The worker that refreshes the statistics of tables begins a round each second, and waits for PostgreSQL.
    thread::sleep(Duration::from_millis(1_500));
    server.process.signal(Signal::SIGTERM);
    assert_eq!(server.process.logged("shutting down")["level"], "INFO");
    assert_eq!(server.process.logged("cancelled rounds of background workers")["level"], "WARN");
    thread::sleep(Duration::from_secs(2));
    let begin = Instant::now();
    let ended = server.end(Signal::SIGTERM);
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(frozen);
}

#[test]
fn a_killed_server_leaves_no_postgresql_running_and_loses_no_write() {
    let home = Home::new();
    let key = ApiKey::generate(&Ids::system());
    let key = key.expose();
    let server = Server::start(home.pearset().args(["--bootstrap-api-key", key]));
    assert_eq!(server.introduction().0, key, "the operator's key is the first one");
    let partner = enroll(&server, key, "jane@example.com");
    let postgres = postgres_of(&home);
    let ended = server.end(Signal::SIGKILL);
    assert_eq!(ended.code, None);

    // Immediately: PostgreSQL may still be shutting down.
    let next = Server::start(&mut home.pearset());
    if cfg!(target_os = "linux") {
        assert!(soon(|| !is_running(postgres)), "the kernel signals PostgreSQL to end");
    }
    assert_eq!(next.get(&format!("/partners/{partner}"), key).expect(200)["email"], "jane@example.com");

    let postgres = postgres_of(&home);
    next.end(Signal::SIGKILL);
    if cfg!(target_os = "linux") {
        assert!(soon(|| !is_running(postgres)), "PostgreSQL ends also when no other server starts");
    }
    assert_eq!(home.json("workspace list")[0]["slug"], "default");
}
