//! What is left when the server ends, in whatever way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use nix::sys::signal::Signal;
use pearset::values::id::Ids;
use pearset::workspaces::ApiKey;
use serde_json::json;

use super::{enroll, is_running, postgres_of};
use crate::support::binary::{Home, Reply, Server};

/// Waits for what happens soon; false when it does not.
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

/// A request whose body the server waits for.
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
        // The server asks for the body: it is inside of the handler.
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "));
        Self { stream, body }
    }

    fn send_the_rest(mut self) -> Reply {
        self.stream.write_all(self.body.as_bytes()).unwrap();
        Reply::read(self.stream, &Method::POST, "/partners")
    }
}

#[test]
fn a_signal_ends_the_server_once_its_requests_are_answered() {
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
        let partner = request.send_the_rest().expect(201)["id"].as_str().unwrap().to_owned();
        server.process.finish().succeeded();
        assert!(!is_running(postgres), "{signal}: PostgreSQL ends before the server does");
        drop(idle);

        let next = Server::start(&mut home.pearset());
        assert_eq!(next.get(&format!("/partners/{partner}"), key).expect(200)["email"], email);
        next.end(signal).succeeded();
    }
}

#[test]
fn a_killed_server_leaves_no_postgresql_behind_and_loses_no_write() {
    let home = Home::new();
    let key = ApiKey::generate(&Ids::system());
    let key = key.expose();
    let server = Server::start(home.pearset().args(["--bootstrap-api-key", key]));
    assert_eq!(server.introduction().0, key, "the operator's key is the first one");
    let partner = enroll(&server, key, "jane@example.com");
    let postgres = postgres_of(&home);
    let ended = server.end(Signal::SIGKILL);
    assert_eq!(ended.code, None);

    // At once: while PostgreSQL may still be about to end.
    let next = Server::start(&mut home.pearset());
    if cfg!(target_os = "linux") {
        assert!(soon(|| !is_running(postgres)), "the kernel tells PostgreSQL to end");
    }
    assert_eq!(next.get(&format!("/partners/{partner}"), key).expect(200)["email"], "jane@example.com");

    let postgres = postgres_of(&home);
    next.end(Signal::SIGKILL);
    if cfg!(target_os = "linux") {
        assert!(soon(|| !is_running(postgres)), "nor does it stay when nobody starts another");
    }
    assert_eq!(home.json("workspace list")[0]["slug"], "default");
}
