//! Many concurrent clients over HTTP on a real listening server: all of them get consistent answers, and the database
//! holds nothing else.

mod enrollments;
mod existing;
mod lifecycle;
mod link_changes;
mod links;
mod model;
mod partner_links;
mod tokens;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use pearset::testing::db::TableStatistics;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::app::{TestApp, Workspace};
use crate::support::live::LiveServer;
use crate::support::{asked_for, invariants, token};

const CLIENTS: usize = 32;

const TOKENS: &str = "/tokens/embed/referrals";
const PARTNERS: &str = "/partners";

/// Returns the number of rounds of a test, each with its own identities: a race ends differently each time.
/// `CONCURRENCY_ROUNDS` asks for more rounds.
fn rounds() -> usize {
    asked_for("CONCURRENCY_ROUNDS", 6)
}

/// The request of one client.
#[derive(Clone)]
struct Call {
    method: Method,
    authorization: String,
    path: String,
    body: Value,
}

/// The answer to a call.
#[derive(Debug)]
struct Outcome {
    status: StatusCode,
    body: Value,
}

impl Outcome {
    #[track_caller]
    fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        &self.body
    }

    /// Returns the claims of the token.
    #[track_caller]
    fn claims(&self) -> Value {
        token::claims(self.expect(201))
    }

    /// Returns the enrollment that the token is for.
    #[track_caller]
    fn enrollment(&self) -> String {
        token::enrollment(self.expect(201))
    }
}

/// An application with a workspace, and clients that start together.
struct Race {
    app: TestApp,
    server: Arc<LiveServer>,
    workspace: Workspace,
    /// The totals that the last round expects.
    expected: Mutex<Option<[usize; 4]>>,
    /// The number of partners and links at the last check.
    checked: AtomicUsize,
}

impl Race {
    async fn prepare() -> Self {
        let app = TestApp::start().await;
        // Refreshes the statistics, like a new server. Without statistics, thousands of rounds would become slower and
        // slower.
        let statistics = TableStatistics::new(app.database().clone());
        tokio::spawn(async move {
            while !statistics.refresh().await.unwrap_or_default() {
                tokio::time::sleep(TableStatistics::INTERVAL).await;
            }
        });
        let server = Arc::new(LiveServer::start(&app).await);
        let workspace = app.workspace("acme").await;
        Self { app, server, workspace, expected: Mutex::default(), checked: AtomicUsize::new(0) }
    }

    fn token(&self, body: Value) -> Call {
        self.call(TOKENS, body)
    }

    /// Returns a token request for a partner with this e-mail address and tenant id.
    fn token_for(&self, email: &str, tenant_id: Option<&str>) -> Call {
        self.token(json!({ "partner": partner(email, tenant_id) }))
    }

    fn partner(&self, body: Value) -> Call {
        self.call(PARTNERS, body)
    }

    /// Returns a POST request.
    fn call(&self, path: impl Into<String>, body: Value) -> Call {
        let authorization = self.workspace.actor.authorization().to_owned();
        Call { method: Method::POST, authorization, path: path.into(), body }
    }

    /// Creates a state by SQL.
    async fn arrange(&self, sql: &str) {
        self.app.sql().await.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    /// Sends all calls at the same moment, each over its own connection. Returns the outcomes in the order of the calls.
    async fn run(&self, calls: Vec<Call>) -> Vec<Outcome> {
        let start = Arc::new(Barrier::new(calls.len()));
        let mut clients = JoinSet::new();
        for (position, call) in calls.into_iter().enumerate() {
            let (server, start) = (Arc::clone(&self.server), Arc::clone(&start));
            clients.spawn(async move {
                start.wait().await;
                let Call { authorization, method, path, body } = call;
                let (status, _, body) = server.send(method, Some(&authorization), &path, body.to_string()).await;
                assert!(!status.is_server_error(), "{path}: {body}");
                (position, Outcome { status, body })
            });
        }
        let mut outcomes = clients.join_all().await;
        outcomes.sort_by_key(|(position, _)| *position);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Sends the same call from every client.
    async fn run_same(&self, call: Call) -> Vec<Outcome> {
        self.run(vec![call; CLIENTS]).await
    }

    /// Expects the invariants that hold after every round, and these numbers of partners, enrollments, links and events.
    /// Checked again when the numbers have grown by a fiftieth since the last check, and at the end: a check after each
    /// of thousands of rounds would take days.
    async fn expect_totals(&self, partners: usize, enrollments: usize, links: usize, events: usize) {
        let expected = [partners, enrollments, links, events];
        let last = self.expected.lock().unwrap().replace(expected);
        let checked = self.checked.load(Ordering::Relaxed);
        if last == Some(expected) || partners + links > checked + checked / 50 {
            self.check_totals().await;
        }
    }

    async fn check_totals(&self) {
        invariants::check(&self.app).await;
        let totals = self.totals().await;
        if let Some(expected) = *self.expected.lock().unwrap() {
            assert_eq!(totals, expected, "partners, enrollments, links, events");
        }
        self.checked.store(totals[0] + totals[2], Ordering::Relaxed);
    }

    async fn totals(&self) -> [usize; 4] {
        let conn = &mut self.app.sql().await;
        let mut totals = [0; 4];
        for (total, table) in totals.iter_mut().zip(["partners", "enrollments", "links", "outbox"]) {
            let rows = invariants::count(conn, &format!("SELECT count(*) FROM {table}")).await;
            *total = usize::try_from(rows).unwrap();
        }
        totals
    }

    /// Checks everything once more, and expects no deadlock: PostgreSQL takes a second to notice a deadlock, and the
    /// order of writes must prevent deadlocks.
    async fn end(&self) {
        self.check_totals().await;
        // A session reports its statistics at its end.
        invariants::end_sessions(&self.app).await;
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(invariants::count(&mut self.app.sql().await, deadlocks).await, 0, "deadlocks");
    }
}

fn partner(email: &str, tenant_id: Option<&str>) -> Value {
    let mut partner = json!({ "email": email });
    if let Some(tenant_id) = tenant_id {
        partner["tenantId"] = tenant_id.into();
    }
    partner
}

/// Returns the one value that all have in common.
#[track_caller]
fn only<T: Ord + std::fmt::Debug>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: BTreeSet<T> = values.into_iter().collect();
    assert_eq!(values.len(), 1, "one answer for all: {values:#?}");
    values.pop_first().unwrap()
}

/// Returns the number of outcomes with this status.
fn count(outcomes: &[Outcome], status: u16) -> usize {
    outcomes.iter().filter(|outcome| outcome.status.as_u16() == status).count()
}
