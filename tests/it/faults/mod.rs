//! Failures of the database, as clients of a listening server see them: 503 and nothing worse, for no longer than the
//! failure lasts.

mod away;
mod clock;
mod commit;
mod disk_full;
mod frozen;
mod killed;
mod locks;
mod network;
mod states;
mod terminated;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::join;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::app::{TestApp, Workspace};
use crate::support::cluster::{SHARED, TestCluster};
use crate::support::invariants;
use crate::support::live::LiveServer;

const TOKENS: &str = "/tokens/embed/referrals";
/// Requests at the same time: more than the pool has sessions.
const CLIENTS: usize = 20;
/// The time limit of a request is 5.5 s; the rest is for a busy machine.
const LONGEST_ANSWER: Duration = Duration::from_millis(5_750);

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
    took: Duration,
}

impl Answer {
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Asserts a 503 in time, with `Retry-After`.
    #[track_caller]
    fn expect_unavailable(self) {
        let Self { status, headers, body, took } = self;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "after {took:?}: {body}");
        assert!(took <= LONGEST_ANSWER, "{took:?}");
        let seconds: u32 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds), "{seconds}");
    }

    /// Asserts a token or a 503, in time. Returns whether the answer is a token.
    #[track_caller]
    fn expect_token_or_unavailable(self) -> bool {
        let is_token = self.status == StatusCode::CREATED;
        if is_token {
            assert!(self.took <= LONGEST_ANSWER, "{:?}", self.took);
        } else {
            self.expect_unavailable();
        }
        is_token
    }
}

/// A live server whose database is about to fail.
struct Site {
    app: TestApp,
    server: Arc<LiveServer>,
    workspace: Workspace,
    cluster: &'static TestCluster,
}

impl Site {
    async fn start() -> Self {
        Self::on(&SHARED).await
    }

    async fn on(cluster: &'static TestCluster) -> Self {
        Self::with(TestApp::on(cluster).await, cluster).await
    }

    async fn with(app: TestApp, cluster: &'static TestCluster) -> Self {
        let server = Arc::new(LiveServer::start(&app).await);
        let workspace = app.workspace("acme").await;
        Self { app, server, workspace, cluster }
    }

    /// Starts on a cluster of its own, which keeps acknowledged writes through a crash.
    async fn on_own_cluster(name: &str) -> Self {
        Self::on(Box::leak(Box::new(TestCluster::start_durable(name)))).await
    }

    async fn token(&self, email: &str) -> Answer {
        self.spawn_token(email).await.unwrap()
    }

    /// Starts a creating or repeated call that runs concurrently with others.
    fn spawn_token(&self, email: &str) -> JoinHandle<Answer> {
        let (server, authorization) = (Arc::clone(&self.server), self.workspace.actor.authorization().to_owned());
        let body = json!({ "partner": { "email": email, "tenantId": email } }).to_string();
        tokio::spawn(async move {
            let begin = Instant::now();
            let (status, headers, body) = server.send(Method::POST, Some(&authorization), TOKENS, body).await;
            Answer { status, headers, body, took: begin.elapsed() }
        })
    }

    async fn tokens(&self, emails: impl Iterator<Item = String>) -> Vec<Answer> {
        let calls: Vec<_> = emails.map(|email| self.spawn_token(&email)).collect();
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap());
        }
        answers
    }

    async fn enrollments(&self) -> usize {
        let rows = invariants::count(&mut self.app.sql().await, "SELECT count(*) FROM enrollments").await;
        usize::try_from(rows).unwrap()
    }

    /// Enrolls the partners that exist before a fault.
    async fn enroll_before(&self) {
        for answer in self.tokens(emails("before", CLIENTS)).await {
            answer.expect(201);
        }
    }

    /// Asserts that every answer is a 503, except the answer of `/healthz`: the process itself is healthy.
    async fn expect_away(&self) {
        let (tokens, ready, healthy) =
            join!(self.tokens(emails("away", CLIENTS)), self.get("/readyz"), self.get("/healthz"));
        for answer in tokens {
            answer.expect_unavailable();
        }
        ready.expect_unavailable();
        healthy.expect(200);
    }

    /// Asserts that the same process works within a second of the database's return, with all acknowledged enrollments:
    /// the enrollments before the fault, and `more` enrollments. Repeating a request with an unknown outcome decides
    /// the outcome.
    async fn expect_back(&self, more: usize) {
        let begin = Instant::now();
        while self.get("/readyz").await.status != 200 {
            assert!(begin.elapsed() < Duration::from_secs(1), "not ready a second after the database");
        }
        self.token("after@example.com").await.expect(201);
        assert!(begin.elapsed() < Duration::from_secs(1), "no enrollment a second after the database");
        for email in emails("before", CLIENTS).chain(emails("away", CLIENTS)) {
            self.token(&email).await.expect(201);
        }
        assert_eq!(
            self.enrollments().await,
            2 * CLIENTS + 1 + more,
            "all acknowledged enrollments exist, and no others"
        );
        invariants::check(&self.app).await;
    }

    async fn get(&self, path: &str) -> Answer {
        let begin = Instant::now();
        let (status, headers, body) = self.server.send(Method::GET, None, path, String::new()).await;
        Answer { status, headers, body, took: begin.elapsed() }
    }
}

fn emails(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}{number}@example.com"))
}

/// Repeats a call until the answer is not a 503. A call that was answered with 503 may have been carried out, and the
/// repetition finds the outcome.
async fn repeat_until_known(site: &Site, email: &str) -> Value {
    loop {
        let answer = site.token(email).await;
        if answer.status != 503 {
            return answer.expect(201);
        }
        answer.expect_unavailable();
    }
}
