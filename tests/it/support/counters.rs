//! What links have counted and enrollments have earned, for tests: nothing in the API counts yet.
#![expect(clippy::disallowed_methods, reason = "counts by functions that are no part of the schema")]

use serde_json::Value;
use sqlx::{Executor, PgConnection};

/// The functions, which the suites of the client libraries use too.
const FUNCTIONS: &str = include_str!("../../shared/counters.sql");

/// Sets these counters of all links that fit a condition on `links l`; the totals of their enrollments change with them.
pub(crate) async fn set_counters(conn: &mut PgConnection, links: &str, counters: &Value) {
    conn.execute(FUNCTIONS).await.unwrap();
    sqlx::query("SELECT pg_temp.set_counters($1, $2)").bind(links).bind(counters).execute(conn).await.unwrap();
}

/// Sets the commissions of all enrollments that fit a condition on `enrollments e`.
pub(crate) async fn set_commissions(conn: &mut PgConnection, enrollments: &str, amount: i64) {
    conn.execute(FUNCTIONS).await.unwrap();
    sqlx::query("SELECT pg_temp.set_commissions($1, $2)").bind(enrollments).bind(amount).execute(conn).await.unwrap();
}
