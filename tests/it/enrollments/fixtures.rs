//! Shared by the tests of enrollments: a workspace to write in, the rows that a call wrote, and states that no route
//! creates yet.
#![expect(clippy::disallowed_methods, reason = "tests look at the tables and arrange states that no route makes")]

use std::collections::BTreeMap;

use pearset::testing::domains::LinkAddress;
use pearset::testing::values::clock::Clock as _;
use pearset::testing::values::id::{EnrollmentId, GroupId};
use pearset::testing::workspaces::{ApiKey, NewApiKey, Scopes, insert_api_key};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::actor::{Actor, Answer};
use crate::support::app::{NewProgram, TestApp, Workspace};
use crate::support::counters;
use crate::support::token::claims;

pub(crate) const TOKENS: &str = "/tokens/embed/referrals";
pub(crate) const PARTNERS: &str = "/partners";

/// The fixed text for an enrollment that does not exist.
pub(crate) const NOT_ENROLLED: &str = "The partner is not enrolled in this program.";

/// The value of [`World::written`] after a call that wrote nothing.
pub(crate) const NOTHING: &str = "";
/// The value of [`World::written`] after a call that created a partner, an enrollment with one default link, and the event.
pub(crate) const ENROLLED: &str = "enrollments +1, links +1, outbox +1, partners +1";

/// The version of each row, by table and id. PostgreSQL changes the `xmin` of a row with each write, even if no value
/// changes.
type Rows = BTreeMap<(String, Uuid), String>;

/// An application with a workspace, and the rows of its tables at the last check.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) workspace: Workspace,
    seen: Rows,
}

impl World {
    pub(crate) async fn start() -> Self {
        let app = TestApp::start().await;
        let workspace = app.workspace("acme").await;
        let seen = read_rows(&app).await;
        Self { app, workspace, seen }
    }

    /// Continues in a new workspace, which costs less than a new database for each row of a table.
    pub(crate) async fn enter(&mut self, slug: &str) {
        self.workspace = self.app.workspace(slug).await;
    }

    pub(crate) async fn token(&self, body: Value) -> Answer {
        self.workspace.actor.post(TOKENS, body).await
    }

    pub(crate) async fn partner(&self, body: Value) -> Answer {
        self.workspace.actor.post(PARTNERS, body).await
    }

    /// Enrolls a partner before the test begins.
    pub(crate) async fn enrolled(&mut self, body: Value) -> Value {
        let partner = self.partner(body).await.expect(201);
        self.seen = read_rows(&self.app).await;
        partner
    }

    /// Returns the writes since the last call: new (+), changed (~) and removed (-) rows of each table.
    pub(crate) async fn written(&mut self) -> String {
        let now = read_rows(&self.app).await;
        let mut counts: BTreeMap<(&str, char), usize> = BTreeMap::new();
        for (row @ (table, _), version) in &now {
            match self.seen.get(row) {
                None => *counts.entry((table, '+')).or_default() += 1,
                Some(seen) if seen != version => *counts.entry((table, '~')).or_default() += 1,
                Some(_) => {}
            }
        }
        for (table, _) in self.seen.keys().filter(|row| !now.contains_key(*row)) {
            *counts.entry((table, '-')).or_default() += 1;
        }
        let written: Vec<_> = counts.iter().map(|((table, sign), count)| format!("{table} {sign}{count}")).collect();
        self.seen = now;
        written.join(", ")
    }

    /// Creates a state by SQL.
    pub(crate) async fn arrange(&mut self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.app.sql().await).await.unwrap();
        self.seen = read_rows(&self.app).await;
    }

    /// Sets the counters of links that meet a condition.
    pub(crate) async fn counted(&mut self, links: &str, counters: Value) {
        counters::set_counters(&mut self.app.sql().await, links, &counters).await;
        self.seen = read_rows(&self.app).await;
    }

    /// Sets the commissions of enrollments that meet a condition.
    pub(crate) async fn earned(&mut self, enrollments: &str, commissions: i64) {
        counters::set_commissions(&mut self.app.sql().await, enrollments, commissions).await;
        self.seen = read_rows(&self.app).await;
    }

    /// Returns all rows of a table as JSON, oldest first.
    pub(crate) async fn rows(&self, table: &str) -> Vec<Value> {
        let sql = format!("SELECT to_jsonb(t) FROM {table} t ORDER BY created_at, id");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.app.sql().await).await.unwrap()
    }

    /// Returns the e-mail address of the partner whose enrollment the token of an answer names.
    pub(crate) async fn email_of_token(&self, answer: &Value) -> String {
        let enrollment: EnrollmentId = claims(answer)["sub"].as_str().unwrap().parse().unwrap();
        sqlx::query_scalar(
            "SELECT p.email FROM enrollments e JOIN partners p USING (workspace_id) WHERE e.id = $1 AND p.id = e.partner_id",
        )
        .bind(enrollment)
        .fetch_one(&mut self.app.sql().await)
        .await
        .unwrap()
    }

    /// Creates a group of the program with these default links.
    pub(crate) async fn group(&mut self, slug: &str, links: &[&str]) -> GroupId {
        let now = self.app.clock.now();
        let id: GroupId = self.app.state.ids.next(now);
        let conn = &mut self.app.sql().await;
        sqlx::query(
            "INSERT INTO groups (workspace_id, id, program_id, slug, name, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $4, $5, $5)",
        )
        .bind(self.workspace.id)
        .bind(id)
        .bind(self.workspace.program_id)
        .bind(slug)
        .bind(now)
        .execute(&mut *conn)
        .await
        .unwrap();
        for url in links {
            let link =
                pearset::testing::groups::DefaultLink { id: self.app.state.ids.next(now), url: (*url).to_owned() };
            pearset::testing::groups::insert_group_default_link(conn, self.workspace.id, id, &link, now).await.unwrap();
        }
        id
    }

    /// Creates a program of the workspace, and an actor whose key is limited to that program.
    pub(crate) async fn program(&self, host: &str) -> Workspace {
        let (workspace_id, now) = (self.workspace.id, self.app.clock.now());
        let address = LinkAddress::served(host.parse().unwrap());
        let NewProgram { id: program_id, group_id } = self.app.create_program(workspace_id, address).await;
        let key = ApiKey::generate(&self.app.state.ids);
        let new = NewApiKey {
            id: self.app.state.ids.next(now),
            workspace_id,
            program_id: Some(program_id),
            name: "test".to_owned(),
            scopes: Scopes::default(),
            expires_at: None,
        };
        insert_api_key(&mut self.app.sql().await, &new, key.hash(), now).await.unwrap();
        let actor = Actor::new(self.app.router.clone(), Some(key));
        Workspace { id: workspace_id, program_id, group_id, actor }
    }
}

async fn read_rows(app: &TestApp) -> Rows {
    let tables = ["partners", "enrollments", "links", "outbox"];
    let selects = tables.map(|table| format!("SELECT '{table}', id, xmin::text FROM {table}"));
    let rows: Vec<(String, Uuid, String)> =
        sqlx::query_as(AssertSqlSafe(selects.join(" UNION ALL "))).fetch_all(&mut app.sql().await).await.unwrap();
    rows.into_iter().map(|(table, id, version)| ((table, id), version)).collect()
}

/// Returns the partner of a request. `None` omits a member.
pub(crate) fn partner_body(email: Option<&str>, tenant_id: Option<&str>) -> Value {
    let mut body = json!({});
    for (name, value) in [("email", email), ("tenantId", tenant_id)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    body
}
