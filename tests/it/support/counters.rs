//! Setters of the links' counters and the enrollments' commissions, because no operation of the API counts yet.
#![expect(clippy::disallowed_methods, reason = "the functions are not part of the schema")]

use serde_json::Value;
use sqlx::{Executor, PgConnection};

/// The SQL functions. The suites of the client libraries use the same file.
const FUNCTIONS: &str = include_str!("../../shared/counters.sql");

/// Sets these counters of all links that match a condition on `links l`, and changes the totals of the enrollments
/// accordingly.
pub(crate) async fn set_counters(conn: &mut PgConnection, links: &str, counters: &Value) {
    conn.execute(FUNCTIONS).await.unwrap();
    sqlx::query("SELECT pg_temp.set_counters($1, $2)").bind(links).bind(counters).execute(conn).await.unwrap();
}

/// Sets the commissions of all enrollments that match a condition on `enrollments e`.
pub(crate) async fn set_commissions(conn: &mut PgConnection, enrollments: &str, amount: i64) {
    conn.execute(FUNCTIONS).await.unwrap();
    sqlx::query("SELECT pg_temp.set_commissions($1, $2)").bind(enrollments).bind(amount).execute(conn).await.unwrap();
}
