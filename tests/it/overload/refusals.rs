//! What is refused, when, and what is not.

use std::time::{Duration, Instant};

use pearset::http::overload::Limits;
use pearset::workspaces::Plan;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::connections::read_answer;
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

/// A request of which not a byte of the body comes: who waits for "100 Continue" sends it only when it is wanted.
async fn come_by(server: &LiveServer, actor: &Actor, path: &str) -> TcpStream {
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
    for _ in 0..5 {
        streams.push(begin(&server, &acme).await);
        settle().await;
    }
    let pearset = refused(come_by(&server, &acme, "/tags").await).await;
    assert!(pearset.contains(r#""code":"service_unavailable""#), "{pearset}");
    let partnero = refused(come_by(&server, &acme, "/v1/partner_referral_links").await).await;
    assert!(partnero.contains(r#""status":0"#) && partnero.contains(r#""code":"service_unavailable""#), "{partnero}");
    let affonso = refused(come_by(&server, &acme, "/api/embed/token").await).await;
    assert!(affonso.contains(r#""success":false"#) && affonso.contains("INTERNAL_ERROR"), "{affonso}");

    // Everything else goes on.
    for path in ["/healthz", "/readyz", "/.well-known/jwks.json"] {
        app.stranger().get(path).await.expect(200);
    }
    app.stranger().get("/tags").await.expect(401);
    other.get("/tags").await.expect(200);

    // Who has less of the queue gets a place in it, and who came last of those that have more gives it up.
    let of_other = [begin(&server, &other).await, {
        settle().await;
        begin(&server, &other).await
    }];
    let last = refused(streams.pop().expect("the last one")).await;
    assert!(last.contains(r#""code":"service_unavailable""#), "{last}");
    streams.extend(of_other);

    // Nobody who was let in or waits has lost anything by it.
    all_end_well(streams).await;
    acme.get("/tags").await.expect(200);
    let metrics = metrics(&app);
    assert!(metrics.contains("pearset_shed_total{reason=\"queue_full\"} 3\n"), "{metrics}");
    assert!(metrics.contains("pearset_shed_total{reason=\"displaced\"} 1\n"), "{metrics}");
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
    refused(come_by(&server, &acme, "/tags").await).await;
    all_end_well(streams).await;
}

/// Sends the bodies of requests that were begun, and reads their answers.
async fn all_end_well(mut streams: Vec<TcpStream>) {
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(BODY.replace('0', &number.to_string()).as_bytes()).await.unwrap();
    }
    for stream in &mut streams {
        let answer = read_answer(stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
}

/// What an application has counted.
fn metrics(app: &TestApp) -> String {
    let pool = pearset::telemetry::metrics::PoolUse { max: 0, idle: 0, in_use: 0, waiting: 0 };
    app.state.metrics.render(pool, None)
}
