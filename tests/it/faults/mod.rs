//! What clients see when the database fails, over HTTP on a real listening server: 503 and nothing worse, for no longer
//! than it lasts.

mod away;
mod locks;
mod terminated;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::app::{TestApp, Workspace};
use crate::support::cluster::{SHARED, TestCluster};
use crate::support::invariants;
use crate::support::live::LiveServer;

const TOKENS: &str = "/tokens/embed/referrals";
/// 5.5 s are promised; the rest is for a busy machine.
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

    /// 503, in time, and with the word when to come again.
    #[track_caller]
    fn expect_unavailable(self) {
        let Self { status, headers, body, took } = self;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "after {took:?}: {body}");
        assert!(took <= LONGEST_ANSWER, "{took:?}");
        let seconds: u32 = headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds), "{seconds}");
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
        let app = TestApp::on(cluster).await;
        let server = Arc::new(LiveServer::start(&app).await);
        let workspace = app.workspace("acme").await;
        Self { app, server, workspace, cluster }
    }

    async fn token(&self, email: &str) -> Answer {
        self.spawn_token(email).await.unwrap()
    }

    /// A creating or repeated call that runs at the same time as others.
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

    async fn get(&self, path: &str) -> Answer {
        let begin = Instant::now();
        let (status, headers, body) = self.server.send(Method::GET, None, path, String::new()).await;
        Answer { status, headers, body, took: begin.elapsed() }
    }
}

fn emails(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}{number}@example.com"))
}
