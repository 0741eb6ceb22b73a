//! Which requests an overloaded server rejects, and when.

use std::time::{Duration, Instant};

use pearset::testing::http::overload::Limits;
use pearset::testing::workspaces::Plan;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::connections::read_answer;
use crate::support::actor::Actor;
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

const BODY: &str = r#"{"name":"0"}"#;

/// Three permits for one workspace, one permit that is kept for others, and two places in the queue.
const LIMITS: Limits = Limits { in_progress: 4, waiting: 2, queue_timeout: Duration::from_secs(5) };

/// Returns the head of a request that announces a body.
fn head(actor: &Actor, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{more}\r\n",
        actor.authorization(),
        BODY.len()
    )
}

/// Sends the head of a request. The request holds its permit until the test sends the body.
async fn begin(server: &LiveServer, actor: &Actor) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head(actor, "/tags", "").as_bytes()).await.unwrap();
    stream
}

/// Waits until the server has received the requests.
async fn settle() {
    sleep(Duration::from_millis(150)).await;
}

/// Sends the head of a request that waits for "100 Continue", so that no byte of the body is sent unless the server asks
/// for the body.
async fn send_head(server: &LiveServer, actor: &Actor, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head(actor, path, "Expect: 100-continue\r\nConnection: close\r\n").as_bytes()).await.unwrap();
    settle().await;
    stream
}

/// Asserts that a request is rejected promptly, and returns the answer. Other tests check every answer against the
/// contract; this function reads the bytes on the wire.
async fn assert_rejected(mut stream: TcpStream) -> String {
    let begin = Instant::now();
    let answer = read_answer(&mut stream).await;
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    assert!(answer.starts_with("HTTP/1.1 503 "), "the server asked for no body: {answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\r\nratelimit: "), "the request has counted: {answer}");
    answer
}

#[tokio::test]
async fn excess_requests_are_rejected_promptly_and_their_bodies_are_not_read() {
    let app = TestApp::with_limits(LIMITS).await;
    let server = LiveServer::start(&app).await;
    let (acme, other) = (app.workspace("acme").await.actor, app.workspace_on("other", Plan::Free).await.actor);
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(begin(&server, &acme).await);
        settle().await;
    }
    let pearset = assert_rejected(send_head(&server, &acme, "/tags").await).await;
    assert!(pearset.contains(r#""code":"service_unavailable""#), "{pearset}");
    let partnero = assert_rejected(send_head(&server, &acme, "/v1/partner_referral_links").await).await;
    assert!(partnero.contains(r#""status":0"#) && partnero.contains(r#""code":"service_unavailable""#), "{partnero}");
    let affonso = assert_rejected(send_head(&server, &acme, "/api/embed/token").await).await;
    assert!(affonso.contains(r#""success":false"#) && affonso.contains("INTERNAL_ERROR"), "{affonso}");

    // Public routes, authentication and other workspaces are not affected.
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json"] {
        app.stranger().get(path).await.expect(200);
    }
    app.stranger().get("/tags").await.expect(401);
    other.get("/tags").await.expect(200);

    // A workspace with fewer requests in the queue gets a place there, and the last request of the workspace with more
    // requests loses its place.
    let of_other = [begin(&server, &other).await, {
        settle().await;
        begin(&server, &other).await
    }];
    let last = assert_rejected(streams.pop().expect("the last one")).await;
    assert!(last.contains(r#""code":"service_unavailable""#), "{last}");
    streams.extend(of_other);

    // All admitted and waiting requests succeed.
    assert_all_succeed(streams).await;
    acme.get("/tags").await.expect(200);
    let metrics = metrics(&app);
    assert!(metrics.contains("pearset_shed_total{reason=\"queue_full\"} 3\n"), "{metrics}");
    assert!(metrics.contains("pearset_shed_total{reason=\"displaced\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_request_that_waits_too_long_is_rejected() {
    let app = TestApp::with_limits(Limits { queue_timeout: Duration::from_millis(200), ..LIMITS }).await;
    let server = LiveServer::start(&app).await;
    let acme = app.workspace("acme").await.actor;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(begin(&server, &acme).await);
    }
    settle().await;
    let begin = Instant::now();
    acme.get("/tags").await.expect_error(503);
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());
    // A permit that is given back goes to the next request.
    streams.pop();
    settle().await;
    acme.get("/tags").await.expect(200);
    assert!(metrics(&app).contains("pearset_shed_total{reason=\"waited_too_long\"} 1\n"), "{}", metrics(&app));
}

/// Clients that go away while their requests wait hold neither a permit nor a place in the queue.
#[tokio::test]
async fn clients_that_go_away_make_room() {
    let app = TestApp::with_limits(LIMITS).await;
    let server = LiveServer::start(&app).await;
    let acme = app.workspace("acme").await.actor;
    for _ in 0..20 {
        let mut streams = Vec::new();
        for _ in 0..3 + 2 {
            streams.push(begin(&server, &acme).await);
        }
        // Some clients go away before the server has read their requests, some after.
        tokio::task::yield_now().await;
        drop(streams);
    }
    settle().await;
    let mut streams = Vec::new();
    for _ in 0..3 + 2 {
        streams.push(begin(&server, &acme).await);
    }
    settle().await;
    assert_rejected(send_head(&server, &acme, "/tags").await).await;
    assert_all_succeed(streams).await;
}

/// Sends the bodies of requests whose heads were sent, and asserts that all succeed.
async fn assert_all_succeed(mut streams: Vec<TcpStream>) {
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(BODY.replace('0', &number.to_string()).as_bytes()).await.unwrap();
    }
    for stream in &mut streams {
        let answer = read_answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
}

/// Returns the metrics of an application.
fn metrics(app: &TestApp) -> String {
    let pool = pearset::testing::telemetry::metrics::PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 };
    app.state.metrics.render(pool, None)
}
