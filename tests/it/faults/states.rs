//! SQLSTATEs of failures that are not caused by the request.

use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use super::Site;
use crate::support::invariants;

/// Temporary failures, from <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const TEMPORARY: [(&str, &str); 16] = [
    ("08006", "connection_failure"),
    ("25006", "read_only_sql_transaction: no longer the primary"),
    ("25P03", "idle_in_transaction_session_timeout"),
    ("40001", "serialization_failure"),
    ("40P01", "deadlock_detected"),
    ("53000", "insufficient_resources"),
    ("53100", "disk_full"),
    ("53200", "out_of_memory"),
    ("53300", "too_many_connections"),
    ("55P03", "lock_not_available"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("58000", "system_error"),
    ("58030", "io_error"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn temporary_failures_are_503_and_others_are_500() {
    let site = Site::start().await;
    let mut admin = site.cluster.admin_of(site.app.database_name()).await;
    admin
        .execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = current_setting('test.state'); END $$;
             CREATE TRIGGER fail BEFORE INSERT ON partners EXECUTE FUNCTION fail()",
        )
        .await
        .unwrap();
    let mut fail_with = async |state: &str| {
        let database = site.app.database_name();
        let set = format!("ALTER DATABASE {database} SET test.state = '{state}'");
        admin.execute(AssertSqlSafe(set)).await.unwrap();
        // Sessions read the setting when they begin.
        invariants::end_sessions(&site.app).await;
    };
    for (state, name) in TEMPORARY {
        fail_with(state).await;
        eprintln!("{state} {name}");
        site.token("jane@example.com").await.expect_unavailable();
    }
    // No failure has left anything behind that fails later requests.
    fail_with("XX000").await;
    let error = site.token("jane@example.com").await.expect(500);
    assert_eq!(error["error"]["code"], json!("internal_server_error"));
    site.get("/readyz").await.expect(200);
}
