//! The access log: one line for each request, and the id of the request on every line.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::Method;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::binary::{Finished, Home, Reply, Server};
use crate::support::cluster::{SHARED, TEMPLATE};

const TOKENS: &str = "/tokens/embed/referrals";
const KEY: &str = "pst_VyXWDh2BQLUtJmPqESkG3wzeGyuahR2w18xq";

fn access_log(finished: &Finished) -> Vec<Value> {
    finished.log().into_iter().filter(|line| line["target"] == "pearset::access").collect()
}

impl Server {
    fn ask(&self, method: &Method, path: &str, id: &str, body: &str) -> Reply {
        let key = format!("Bearer {KEY}");
        let headers = [("Authorization", &*key), ("Content-Type", "application/json"), ("X-Request-Id", id)];
        self.send(method, path, &headers, body)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_line_with_its_route_and_nothing_else_of_its_path() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let server = Server::start(home.pearset().env("PEARSET_BOOTSTRAP_API_KEY", KEY));
    let jane = json!({ "partner": { "email": "jane@example.com", "name": "Jane Doe", "tenantId": "user_17" } });
    server.ask(&Method::POST, &format!("/v1{TOKENS}"), "first", &jane.to_string()).expect(201);
    server.ask(&Method::GET, "/partners/user_17?email=jane%40example.com", "second", "").expect(404);
    server.ask(&Method::POST, "/api/embed/token", "third", "{").expect(400);
    server.send(&Method::GET, "/nowhere/user_17", &[("X-Request-Id", "fourth")], "").expect(404);
    let finished = server.end(Signal::SIGTERM);
    let lines = access_log(&finished);
    let workspace = lines[0]["workspace"].clone();
    assert!(workspace.as_str().is_some_and(|id| id.starts_with("ws_")), "{}", lines[0]);
    let expected = [
        ("first", "POST", TOKENS, 201, &workspace, Value::Null),
        ("second", "GET", "/partners/{id}", 404, &workspace, json!("not_found")),
        ("third", "POST", "/embed/token", 400, &workspace, json!("bad_request")),
        ("fourth", "GET", "unmatched", 404, &Value::Null, json!("not_found")),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:?}");
    for (line, (id, method, route, status, workspace, error)) in lines.iter().zip(expected) {
        assert_eq!(
            json!([
                line["span"]["request_id"],
                line["method"],
                line["route"],
                line["status"],
                line["workspace"],
                line["error"]
            ]),
            json!([id, method, route, status, workspace, error]),
            "{line}"
        );
        assert!(line["duration_ms"].as_f64().is_some_and(|time| time > 0.0 && time < 60_000.0), "{line}");
        assert!(line["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{line}");
    }
    for secret in ["jane", "Jane", "user_17", "%40", "pst_", "eyJ"] {
        assert!(!finished.err.contains(secret), "{secret}: {}", finished.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_about_a_request_has_its_id_at_every_log_level() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    for (log, access_lines) in [("warn", 0), ("debug", 1), ("debug,pearset::access=off", 0)] {
        let server = Server::start(home.pearset().env("PEARSET_BOOTSTRAP_API_KEY", KEY).env("PEARSET_LOG", log));
        let jane = json!({ "partner": { "email": format!("{}@example.com", log.len()) } }).to_string();
        server.ask(&Method::POST, TOKENS, "warm", &jane).expect(201);
        database.forbid(true).await;
        server.ask(&Method::POST, TOKENS, "mine", &jane).expect(503);
        database.forbid(false).await;
        let finished = server.end(Signal::SIGTERM);
        let of_request: Vec<Value> =
            finished.log().into_iter().filter(|line| line["span"]["request_id"] == "mine").collect();
        let of = |target: &str| of_request.iter().filter(|line| line["target"] == target).count();
        assert_eq!(of("pearset::surfaces::api::observe"), 1, "{log}: {}", finished.err);
        assert_eq!(of("pearset::access"), access_lines, "{log}: {}", finished.err);
        assert_eq!(of("pearset::db::tx") > 0, log.contains("debug"), "{log}: {}", finished.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_is_lost_at_the_end_and_a_slow_reader_delays_no_request() {
    // More lines than a pipe holds.
    const REQUESTS: usize = 600;
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let mut command = home.pearset();
    command.env("PEARSET_BOOTSTRAP_API_KEY", KEY).env("PEARSET_LISTEN", "127.0.0.1:0");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("Pearset is ready at http://").unwrap().to_owned();
    let begin = Instant::now();
    for _ in 0..REQUESTS {
        assert_eq!(super::get(&address, "/healthz").0, 200);
    }
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.filter(|line| line.contains("pearset::access")).count(), REQUESTS);
    assert!(child.wait().unwrap().success());
}
