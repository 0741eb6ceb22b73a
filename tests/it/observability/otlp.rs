//! Spans for an OpenTelemetry collector.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;

use crate::support::binary::{Home, Server};
use crate::support::cluster::{SHARED, TEMPLATE};

const TOKENS: &str = "/tokens/embed/referrals";
const KEY: &str = "pst_VyXWDh2BQLUtJmPqESkG3wzeGyuahR2w18xq";
const SERVER: i32 = 2;
const CLIENT: i32 = 3;

/// A collector that keeps the bodies of its requests.
struct Collector {
    address: SocketAddr,
    bodies: Receiver<Vec<u8>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, bodies) = mpsc::channel();
        thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| {
                while let Some(body) = take(&stream) {
                    let _ = sender.send(body);
                }
            });
        });
        Self { address, bodies }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.try_iter().collect()
    }
}

/// Reads and answers one request; `None` at the end of the connection.
fn take(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let head: Vec<String> = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    assert_eq!(head.first()?, "POST /v1/traces HTTP/1.1");
    let header = |name: &str| head.iter().find_map(|line| line.to_lowercase().strip_prefix(name).map(str::to_owned));
    assert_eq!(header("content-type: ").unwrap(), "application/x-protobuf");
    let mut body = vec![0; header("content-length: ").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n").unwrap();
    Some(body)
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Attribute| match value {
        Attribute::StringValue(text) => text.clone(),
        Attribute::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let value = |pair: &opentelemetry_proto::tonic::common::v1::KeyValue| pair.value.as_ref()?.value.as_ref().map(text);
    span.attributes.iter().filter_map(|pair| Some((pair.key.as_str(), value(pair)?))).collect()
}

fn start(home: &Home, endpoint: &str) -> Server {
    Server::start(home.pearset().env("PEARSET_BOOTSTRAP_API_KEY", KEY).env("PEARSET_OTLP_ENDPOINT", endpoint))
}

fn mint(server: &Server, traceparent: &str) {
    let key = format!("Bearer {KEY}");
    let headers = [("Authorization", &*key), ("Content-Type", "application/json"), ("Traceparent", traceparent)];
    let jane = json!({ "partner": { "email": "jane@example.com", "name": "Jane Doe", "tenantId": "user_17" } });
    server.send(&Method::POST, &format!("/v1{TOKENS}"), &headers, &jane.to_string()).expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_in_the_trace_of_its_client_with_its_transactions_as_children() {
    let (collector, database) = (Collector::start(), SHARED.lend(TEMPLATE).await);
    let home = Home::with_database(&database.url);
    let server = start(&home, &collector.endpoint());
    mint(&server, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    server.get("/partners/user_17?email=jane@example.com", KEY).expect(404);
    // Well before the next batch of spans would be sent.
    assert_eq!(server.end(Signal::SIGTERM).code, Some(0));
    let bodies = collector.bodies();
    for secret in ["jane", "Jane", "user_17", "pst_", "eyJ"] {
        assert!(!bodies.iter().any(|body| String::from_utf8_lossy(body).contains(secret)), "{secret}");
    }
    let requests: Vec<_> =
        bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap()).collect();
    let resources = || requests.iter().flat_map(|request| &request.resource_spans);
    assert!(resources().all(|of| format!("{:?}", of.resource).contains("\"pearset\"")));
    let spans: Vec<&Span> = resources().flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans).collect();
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no span {name}: {spans:#?}"));
        assert!(found.next().is_none(), "two spans {name}");
        *span
    };

    let request = named(&format!("POST {TOKENS}"));
    assert_eq!(request.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes());
    assert_eq!(request.parent_span_id, 0xb7ad_6b71_6920_3331_u64.to_be_bytes());
    assert_eq!(request.kind, SERVER);
    let of_request = attributes(request);
    for (name, expected) in
        [("http.request.method", "POST"), ("http.route", TOKENS), ("http.response.status_code", "201")]
    {
        assert_eq!(of_request.get(name).map(String::as_str), Some(expected), "{name}");
    }
    assert!(of_request["pearset.workspace_id"].starts_with("ws_") && of_request["pearset.request_id"].len() > 4);
    assert!(request.end_time_unix_nano > request.start_time_unix_nano);
    for name in ["find_enrollment", "enroll"] {
        let transaction = named(name);
        assert_eq!(transaction.trace_id, request.trace_id, "{name}");
        assert_eq!((&transaction.parent_span_id, transaction.kind), (&request.span_id, CLIENT), "{name}");
        let of_transaction = attributes(transaction);
        assert_eq!((&*of_transaction["attempts"], &*of_transaction["db.system.name"]), ("1", "postgresql"), "{name}");
    }

    let other = named("GET /partners/{id}");
    assert_ne!(other.trace_id, request.trace_id, "a trace of its own");
    assert!(other.parent_span_id.is_empty());
    assert_eq!(attributes(other)["error.type"], "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_collector_causes_one_warning_and_a_hanging_collector_does_not_delay_shutdown() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (collector, warnings) in [(gone, 1), (silent.local_addr().unwrap(), 0)] {
        let server = start(&home, &format!("http://{collector}"));
        for _ in 0..3 {
            mint(&server, "nonsense");
        }
        let begin = Instant::now();
        let finished = server.end(Signal::SIGTERM);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let warned = finished.log().iter().filter(|line| line["target"] == "pearset::telemetry::otlp").count();
        assert_eq!(warned, warnings, "{}", finished.err);
    }
}
