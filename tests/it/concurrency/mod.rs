//! Many clients at the same moment, over HTTP on a real listening server: they all get one truth, and leave nothing
//! behind but that.

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
use pearset::db::TableStatistics;
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

/// How many rounds a test has, each with identities of its own: a race is lost or won differently each time.
/// `CONCURRENCY_ROUNDS` makes it more.
fn rounds() -> usize {
    asked_for("CONCURRENCY_ROUNDS", 6)
}

/// What one client sends.
#[derive(Clone)]
struct Call {
    method: Method,
    authorization: String,
    path: String,
    body: Value,
}

/// What it got.
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

    /// The claims of the token that it got.
    #[track_caller]
    fn claims(&self) -> Value {
        token::claims(self.expect(201))
    }

    /// The enrollment that the token is for.
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
    /// How many partners and links there were when everything was last looked at.
    looked_at: AtomicUsize,
}

impl Race {
    async fn prepare() -> Self {
        let app = TestApp::start().await;
        // As a server does that has just been installed: thousands of rounds would become slower and slower.
        let statistics = TableStatistics::new(app.database().clone());
        tokio::spawn(async move {
            while !statistics.refresh().await.unwrap_or_default() {
                tokio::time::sleep(TableStatistics::INTERVAL).await;
            }
        });
        let server = Arc::new(LiveServer::start(&app).await);
        let workspace = app.workspace("acme").await;
        Self { app, server, workspace, expected: Mutex::default(), looked_at: AtomicUsize::new(0) }
    }

    fn token(&self, body: Value) -> Call {
        self.call(TOKENS, body)
    }

    /// A token for a partner with this e-mail and, if there is one, this tenant id.
    fn token_for(&self, email: &str, tenant_id: Option<&str>) -> Call {
        self.token(json!({ "partner": partner(email, tenant_id) }))
    }

    fn partner(&self, body: Value) -> Call {
        self.call(PARTNERS, body)
    }

    /// A POST.
    fn call(&self, path: impl Into<String>, body: Value) -> Call {
        let authorization = self.workspace.actor.authorization().to_owned();
        Call { method: Method::POST, authorization, path: path.into(), body }
    }

    /// Brings about a state by SQL.
    async fn arrange(&self, sql: &str) {
        self.app.sql().await.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    }

    /// Sends all calls at the same moment, each from a connection of its own. Outcomes are in the order of the calls.
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

    /// The same call from every client.
    async fn run_same(&self, call: Call) -> Vec<Outcome> {
        self.run(vec![call; CLIENTS]).await
    }

    /// What must be true after every round, and the numbers of partners, enrollments, links and events. It is looked
    /// at again when there is a fiftieth more than the last time, and at the end: a look at everything after each of
    /// thousands of rounds would take days.
    async fn expect_totals(&self, partners: usize, enrollments: usize, links: usize, events: usize) {
        let expected = [partners, enrollments, links, events];
        let last = self.expected.lock().unwrap().replace(expected);
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        if last == Some(expected) || partners + links > looked_at + looked_at / 50 {
            self.look_at_totals().await;
        }
    }

    async fn look_at_totals(&self) {
        invariants::check(&self.app).await;
        let totals = self.totals().await;
        if let Some(expected) = *self.expected.lock().unwrap() {
            assert_eq!(totals, expected, "partners, enrollments, links, events");
        }
        self.looked_at.store(totals[0] + totals[2], Ordering::Relaxed);
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

    /// Looks at everything once more. Two transactions that wait for each other cost a second until PostgreSQL
    /// notices: the order of writes must not have let it happen.
    async fn end(&self) {
        self.look_at_totals().await;
        // A session reports what it has counted at its end.
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

/// The one value that all of them have.
#[track_caller]
fn only<T: Ord + std::fmt::Debug>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: BTreeSet<T> = values.into_iter().collect();
    assert_eq!(values.len(), 1, "one answer for all: {values:#?}");
    values.pop_first().unwrap()
}

/// How many outcomes have this status.
fn count(outcomes: &[Outcome], status: u16) -> usize {
    outcomes.iter().filter(|outcome| outcome.status.as_u16() == status).count()
}
