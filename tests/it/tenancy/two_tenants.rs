//! The two workspaces of these tests. Every free text of `b` has a canary, so that leaks are noticed; every answer to
//! `a` is searched for the canary.
#![expect(
    clippy::disallowed_methods,
    reason = "reads and changes whole tables, which no query of the application does"
)]

use std::collections::BTreeSet;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::CONTENT_TYPE;
use pearset::testing::values::id::PartnerId;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::support::actor::{Actor, Answer};
use crate::support::app::{TestApp, Workspace};
use crate::support::counters;

const CANARY: &str = "canary";

pub(super) struct TwoTenants {
    pub(super) app: TestApp,
    pub(super) a: Workspace,
    pub(super) b: Workspace,
    /// A partner of `b` alone, with the tenantId, e-mail address, username and external id `only-b…`.
    pub(super) only_b: Value,
    /// The ids of all rows of `b`, without their prefixes. No answer to `a` may contain one.
    secrets: BTreeSet<String>,
    rows: Mutex<Rows>,
}

/// Returns a partner that both workspaces have, with the same names.
pub(super) fn shared_partner() -> Value {
    json!({
        "email": "shared@example.com", "tenantId": "shared", "username": "shared",
        "linkProps": {"externalId": "shared"},
    })
}

impl TwoTenants {
    /// Starts with partners in `b` only.
    pub(super) async fn start() -> Self {
        let app = TestApp::start().await;
        let a = app.workspace("acme").await;
        let b = app.workspace("canary-bee").await;
        let sql = &mut app.sql().await;
        let id = |id: String| id.split_once('_').unwrap().1.to_owned();
        b.actor.post("/partners", shared_partner()).await.expect(201);
        let only_b = json!({
            "email": "only-b@example.com", "tenantId": "only-b", "username": "only-b",
            "linkProps": {"externalId": "only-b"},
        });
        let only_b = b.actor.post("/partners", only_b).await.expect(201);
        let group = "INSERT INTO groups (workspace_id, id, program_id, slug, name, created_at, updated_at) \
                     SELECT workspace_id, gen_random_uuid(), program_id, 'only-b', name, created_at, updated_at \
                     FROM groups WHERE workspace_id = $1";
        sqlx::query(group).bind(b.id).execute(&mut *sql).await.unwrap();
        let applied = "UPDATE enrollments SET application_id = id WHERE workspace_id = $1";
        sqlx::query(applied).bind(b.id).execute(&mut *sql).await.unwrap();
        arrange_side_tables(sql, &b).await;
        put_canaries(sql, &b).await;
        let mut rows = Rows::read_by(app.sql().await).await;
        let secrets = uuids(&rows.of(&b).await);
        let secrets: BTreeSet<String> = secrets.into_iter().map(|uuid| id(PartnerId::from(uuid).to_string())).collect();
        assert!(secrets.len() > 10, "only {secrets:?}");
        Self { app, a, b, only_b, secrets, rows: Mutex::new(rows) }
    }

    /// Sends a request of `a`. Panics when the answer has anything of `b`.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let actor: &Actor = &self.a.actor;
        let request = actor.request(method.clone(), path).header(CONTENT_TYPE, "application/json");
        let answer =
            actor.send(request.body(body.map_or_else(Body::empty, |body| body.to_string().into())).unwrap()).await;
        let mut texts = vec![format!("{:?}", answer.headers), answer.body.to_string()];
        texts.extend(answer.body["publicToken"].as_str().map(claims));
        for text in texts {
            assert!(
                !text.to_lowercase().contains(CANARY),
                "{method} {path} leaks a text of the other workspace: {text}"
            );
            for id in &self.secrets {
                assert!(!text.contains(id.as_str()), "{method} {path} leaks an id of the other workspace: {text}");
            }
        }
        answer
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(&body)).await
    }

    /// Returns all rows of a workspace, in every table.
    pub(super) async fn rows(&self, workspace: &Workspace) -> Vec<Value> {
        self.rows.lock().await.of(workspace).await
    }
}

/// Returns the payload of a token.
pub(super) fn claims(token: &str) -> String {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    String::from_utf8(payload).unwrap()
}

/// Inserts rows that no route inserts for a partner's links: a tag on one of the links, their counters, an entry of the
/// audit log, and a stored answer.
pub(super) async fn arrange_side_tables(sql: &mut PgConnection, workspace: &Workspace) {
    let tag =
        "WITH tag AS (INSERT INTO tags VALUES ($1, gen_random_uuid(), 'Blue', 'blue', 'blue', now()) RETURNING id)
               INSERT INTO link_tags SELECT $1, l.id, tag.id
               FROM tag, (SELECT id FROM links WHERE workspace_id = $1 ORDER BY id LIMIT 1) l";
    let entry = "INSERT INTO audit_logs SELECT $1, gen_random_uuid(), $2, k.id, 'partner.banned', 'x', '{}', now()
                 FROM api_keys k WHERE k.workspace_id = $1 LIMIT 1";
    let answer = "INSERT INTO idempotency_keys VALUES ($1, 'one', sha256('x'), 201, '{}', now())";
    sqlx::query(answer).bind(workspace.id).execute(&mut *sql).await.unwrap();
    assert_eq!(sqlx::query(tag).bind(workspace.id).execute(&mut *sql).await.unwrap().rows_affected(), 1);
    let links = format!("workspace_id = '{}'", Uuid::from(workspace.id));
    counters::set_counters(sql, &links, &json!({ "clicks": 1 })).await;
    let done = sqlx::query(entry).bind(workspace.id).bind(workspace.program_id).execute(sql).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}

/// A statement that reads the rows of a workspace in every table.
struct Rows {
    sql: PgConnection,
    statement: String,
}

impl Rows {
    async fn read_by(mut sql: PgConnection) -> Self {
        let tables = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                      WHERE table_schema = 'public' AND (column_name = 'workspace_id' OR \
                            table_name = 'workspaces' AND column_name = 'id') ORDER BY 1";
        let tables: Vec<(String, String)> = sqlx::query_as(tables).fetch_all(&mut sql).await.unwrap();
        let rows = tables.iter().map(|(table, column)| {
            format!("SELECT '{table}' AS name, to_jsonb(t) AS row FROM {table} t WHERE {column} = $1")
        });
        let all = rows.collect::<Vec<_>>().join(" UNION ALL ");
        Self { sql, statement: format!("SELECT name, row FROM ({all}) everything ORDER BY name, row::text") }
    }

    async fn of(&mut self, workspace: &Workspace) -> Vec<Value> {
        let read = sqlx::query_as(AssertSqlSafe(self.statement.clone())).bind(workspace.id);
        let rows: Vec<(String, Value)> = read.fetch_all(&mut self.sql).await.unwrap();
        rows.into_iter().map(|(table, row)| json!({"table": table, "row": row})).collect()
    }
}

/// Puts the canary into every text of the workspace's rows without a constraint.
async fn put_canaries(sql: &mut PgConnection, workspace: &Workspace) {
    let columns = "SELECT c.table_name::text, c.column_name::text, c.data_type::text FROM information_schema.columns c \
                   WHERE c.table_schema = 'public' AND c.data_type IN ('text', 'ARRAY', 'jsonb') \
                   AND EXISTS (SELECT FROM information_schema.columns w WHERE w.table_schema = 'public' \
                               AND w.table_name = c.table_name AND w.column_name = 'workspace_id') \
                   AND NOT EXISTS (SELECT FROM pg_constraint k JOIN pg_attribute a \
                                   ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) \
                                   WHERE k.conrelid = c.table_name::regclass AND a.attname = c.column_name \
                                   AND k.contype <> 'n') \
                   AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a \
                                   ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
                                   WHERE i.indisunique AND i.indrelid = c.table_name::regclass \
                                   AND a.attname = c.column_name)";
    let columns: Vec<(String, String, String)> = sqlx::query_as(columns).fetch_all(&mut *sql).await.unwrap();
    assert!(columns.len() > 20, "only {columns:?}");
    for (table, column, kind) in columns {
        let value = match kind.as_str() {
            "text" => format!("'{CANARY} ' || coalesce({column}, '')"),
            "ARRAY" => format!("ARRAY['{CANARY}']"),
            _ => format!("'\"{CANARY}\"'::jsonb"),
        };
        let put = format!("UPDATE {table} SET {column} = {value} WHERE workspace_id = $1");
        sqlx::query(AssertSqlSafe(put)).bind(workspace.id).execute(&mut *sql).await.unwrap();
    }
}

/// Returns all ids in these rows.
fn uuids(rows: &[Value]) -> BTreeSet<Uuid> {
    let cells = rows.iter().flat_map(|row| row["row"].as_object().unwrap().values());
    cells.filter_map(|cell| cell.as_str()?.parse().ok()).collect()
}

/// The search for canaries can fail.
#[tokio::test]
#[should_panic(expected = "leaks a text of the other workspace")]
async fn canary_in_an_answer_is_noticed() {
    let mut tenants = TwoTenants::start().await;
    std::mem::swap(&mut tenants.a, &mut tenants.b);
    tenants.ask(Method::GET, "/partner_referral_links:domains", None).await;
}

/// The search for ids can fail.
#[tokio::test]
#[should_panic(expected = "leaks an id of the other workspace")]
async fn id_in_a_token_is_noticed() {
    let mut tenants = TwoTenants::start().await;
    std::mem::swap(&mut tenants.a, &mut tenants.b);
    tenants.post("/tokens/embed/referrals", json!({"tenantId": "shared"})).await;
}
