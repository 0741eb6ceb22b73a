//! Invariants of the database that must hold whenever no request is running, whatever requests came before.

#![expect(clippy::disallowed_methods, reason = "the checks are not queries of the application")]

use std::time::Duration;

use pearset::testing::values::id::EnrollmentId;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use super::app::TestApp;
use crate::never::NEVER;

/// The application's sessions in the application's database.
const SESSIONS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pearset'";

/// Panics unless every invariant holds.
pub(crate) async fn check(app: &TestApp) {
    let conn = &mut app.sql().await;
    let quiet = async {
        // A detached task may still be writing for a client that has disconnected.
        while count(conn, &format!("SELECT count(*) {SESSIONS} AND state <> 'idle'")).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let quiet = timeout(Duration::from_secs(4), quiet).await;
    if quiet.is_err() {
        let sessions = format!("SELECT concat_ws(': ', state, query) {SESSIONS} AND state <> 'idle'");
        let sessions: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sessions)).fetch_all(conn).await.unwrap();
        panic!("sessions that stay busy: {sessions:#?}");
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

/// Counts the sessions that have been idle in a transaction for more than a second.
pub(crate) async fn abandoned_transactions(conn: &mut PgConnection) -> i64 {
    let query = format!(
        "SELECT count(*) {SESSIONS} AND state LIKE 'idle in transaction%'
         AND clock_timestamp() - state_change > interval '1 second'"
    );
    count(conn, &query).await
}

/// Ends the application's sessions and waits until the sessions are gone. Returns the number of ended sessions.
pub(crate) async fn end_sessions(app: &TestApp) -> usize {
    let conn = &mut app.sql().await;
    let end = format!("SELECT pid, pg_terminate_backend(pid) {SESSIONS}");
    let ended: Vec<(i32, bool)> = sqlx::query_as(AssertSqlSafe(end)).fetch_all(&mut *conn).await.unwrap();
    let ended: Vec<i32> = ended.into_iter().map(|(pid, _)| pid).collect();
    // The timeout of `pg_terminate_backend` is not used, because the function looks only every 100 ms.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
    while sqlx::query_scalar::<_, i64>(left).bind(&ended).fetch_one(&mut *conn).await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    ended.len()
}

/// Ends the sessions of a database to which the application's role cannot connect.
pub(crate) async fn end_sessions_of(admin: &mut PgConnection, database: &str) {
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(end).bind(database).execute(admin).await.unwrap();
}

/// Returns the process id of one of the application's sessions, `None` without a session.
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
