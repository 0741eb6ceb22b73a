//! What is refused, when, and what is not.

use std::time::{Duration, Instant};

use pearset::http::overload::Limits;
use pearset::workspaces::Plan;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::connections::{read_answer, read_to_end};
use crate::support::actor::Actor;
use crate::support::app::TestApp;
use crate::support::live::LiveServer;

const BODY: &str = r#"{"name":"0"}"#;

/// Three for one workspace, and one that is kept for others; two may wait.
const WORK: Limits = Limits { in_work: 4, waiting: 2, patience: Duration::from_secs(5) };

/// The head of a request whose body is announced.
fn head(actor: &Actor, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{more}\r\n",
        actor.authorization(),
        BODY.len()
    )
}

/// A request of which the body does not come yet: its place is taken for as long as the test likes.
async fn begin(server: &LiveServer, actor: &Actor) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head(actor, "/tags", "").as_bytes()).await.unwrap();
    stream
}

/// Until so many requests are there.
async fn settle() {
    sleep(Duration::from_millis(150)).await;
}

/// A request that waits for its turn. Not a byte of the body: who waits for "100 Continue" sends it only when it is wanted.
async fn wait_in_line(server: &LiveServer, actor: &Actor, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head(actor, path, "Expect: 100-continue\r\nConnection: close\r\n").as_bytes()).await.unwrap();
    settle().await;
    stream
}

/// The other tests read every answer as JSON that fits the contract; this one is read as it is on the wire.
async fn refused(mut stream: TcpStream) -> String {
    let begin = Instant::now();
    let answer = read_answer(&mut stream).await;
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    assert!(answer.starts_with("HTTP/1.1 503 "), "no body was asked for: {answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\r\nratelimit: "), "the request has counted: {answer}");
    answer
}

#[tokio::test]
async fn what_cannot_be_begun_soon_is_refused_soon_and_its_body_is_not_read() {
    let app = TestApp::working(WORK).await;
    let server = LiveServer::start(&app).await;
    let (acme, other) = (app.workspace("acme").await.actor, app.workspace_on("other", Plan::Free).await.actor);
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(begin(&server, &acme).await);
    }
    settle().await;
    // Each of those that come later sends the one away that has waited longest.
    let pearset = wait_in_line(&server, &acme, "/tags").await;
    let partnero = wait_in_line(&server, &acme, "/v1/partner_referral_links").await;
    let affonso = wait_in_line(&server, &acme, "/api/embed/token").await;
    let pearset = refused(pearset).await;
    assert!(pearset.contains(r#""code":"service_unavailable""#), "{pearset}");
    for _ in 0..2 {
        streams.push(begin(&server, &acme).await);
    }
    let partnero = refused(partnero).await;
    assert!(partnero.contains(r#""status":0"#) && partnero.contains(r#""code":"service_unavailable""#), "{partnero}");
    let affonso = refused(affonso).await;
    assert!(affonso.contains(r#""success":false"#) && affonso.contains("INTERNAL_ERROR"), "{affonso}");

    // Everything else goes on.
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json"] {
        app.stranger().get(path).await.expect(200);
    }
    app.stranger().get("/tags").await.expect(401);
    other.get("/tags").await.expect(200);

    // Nobody who was let in or waits has lost anything by it.
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(BODY.replace('0', &number.to_string()).as_bytes()).await.unwrap();
    }
    for stream in &mut streams {
        let answer = read_answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    acme.get("/tags").await.expect(200);
    let metrics = metrics(&app);
    assert!(metrics.contains("pearset_shed_total{reason=\"displaced\"} 3\n"), "{metrics}");
}

#[tokio::test]
async fn who_waits_for_too_long_is_refused() {
    let app = TestApp::working(Limits { patience: Duration::from_millis(200), ..WORK }).await;
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
    // A place that is given back is there for the next one.
    streams.pop();
    settle().await;
    acme.get("/tags").await.expect(200);
    assert!(metrics(&app).contains("pearset_shed_total{reason=\"waited_too_long\"} 1\n"), "{}", metrics(&app));
}

/// Clients that go away while they wait leave neither a place nor the queue taken.
#[tokio::test]
async fn who_goes_away_makes_room() {
    let app = TestApp::working(WORK).await;
    let server = LiveServer::start(&app).await;
    let acme = app.workspace("acme").await.actor;
    for _ in 0..20 {
        let mut streams = Vec::new();
        for _ in 0..3 + 2 {
            streams.push(begin(&server, &acme).await);
        }
        // Some before they are looked at, some after.
        tokio::task::yield_now().await;
        drop(streams);
    }
    settle().await;
    let mut streams = Vec::new();
    for _ in 0..3 + 2 {
        streams.push(begin(&server, &acme).await);
    }
    settle().await;
    let last = wait_in_line(&server, &acme, "/tags").await;
    refused(streams.remove(3)).await;
    drop(last);
    for mut stream in streams.drain(..).take(1) {
        stream.shutdown().await.unwrap();
        read_to_end(&mut stream).await;
    }
}

/// What an application has counted.
fn metrics(app: &TestApp) -> String {
    let pool = pearset::telemetry::metrics::PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 };
    app.state.metrics.render(pool, None)
}
