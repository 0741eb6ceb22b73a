//! What must be true of a database whenever no request is running, whatever was asked for before.

#![expect(clippy::disallowed_methods, reason = "the checks are no part of the application's prepared queries")]

use std::time::Duration;

use pearset::values::id::EnrollmentId;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use super::app::TestApp;
use crate::never::NEVER;

/// The application's sessions in its own database.
const SESSIONS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pearset'";

/// Panics unless all of it is true.
pub(crate) async fn check(app: &TestApp) {
    let conn = &mut app.sql().await;
    let quiet = async {
        // A detached task may still be writing for a client that has gone.
        while count(conn, &format!("SELECT count(*) {SESSIONS} AND state <> 'idle'")).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let quiet = timeout(Duration::from_secs(4), quiet).await;
    if quiet.is_err() {
        let sessions = format!("SELECT concat_ws(': ', state, query) {SESSIONS} AND state <> 'idle'");
        let sessions: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sessions)).fetch_all(conn).await.unwrap();
        panic!("sessions that do not come to rest: {sessions:#?}");
    }
    for (what, query) in NEVER {
        assert_eq!(count(conn, query).await, 0, "{what}");
    }
    let enrolled = "SELECT id FROM enrollments WHERE COALESCE(banned_from, status) <> 'invited'";
    let mut enrolled: Vec<String> = sqlx::query_scalar::<_, EnrollmentId>(enrolled)
        .fetch_all(&mut *conn)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    enrolled.sort();
    let announced = "SELECT payload->>'enrollmentId' FROM outbox WHERE event = 'partner.enrolled'";
    let mut announced: Vec<String> = sqlx::query_scalar(announced).fetch_all(conn).await.unwrap();
    announced.sort();
    assert_eq!(announced, enrolled, "one event for each enrollment");
}

/// How many sessions have been inside a transaction, with nothing to do, for more than a second.
pub(crate) async fn abandoned_transactions(conn: &mut PgConnection) -> i64 {
    let query = format!(
        "SELECT count(*) {SESSIONS} AND state LIKE 'idle in transaction%'
         AND clock_timestamp() - state_change > interval '1 second'"
    );
    count(conn, &query).await
}

/// Ends the application's sessions and waits until they are gone. Returns how many there were.
pub(crate) async fn end_sessions(app: &TestApp) -> usize {
    let conn = &mut app.sql().await;
    let end = format!("SELECT pid, pg_terminate_backend(pid) {SESSIONS}");
    let ended: Vec<(i32, bool)> = sqlx::query_as(AssertSqlSafe(end)).fetch_all(&mut *conn).await.unwrap();
    let ended: Vec<i32> = ended.into_iter().map(|(pid, _)| pid).collect();
    // Not with the function's own timeout: that one looks every 100 ms.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
    while sqlx::query_scalar::<_, i64>(left).bind(&ended).fetch_one(&mut *conn).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ended.len()
}

/// The same where the application's role may not connect.
pub(crate) async fn end_sessions_of(admin: &mut PgConnection, database: &str) {
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(end).bind(database).execute(admin).await.unwrap();
}

/// The process of one of the application's sessions, if there is one.
pub(crate) async fn a_session(conn: &mut PgConnection) -> Option<i32> {
    let query = format!("SELECT pid {SESSIONS} LIMIT 1");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_optional(conn).await.ok().flatten()
}

pub(crate) async fn text(conn: &mut PgConnection, query: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(conn).await.unwrap()
}

pub(crate) async fn count(conn: &mut PgConnection, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(conn).await.unwrap()
}
