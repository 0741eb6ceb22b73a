//! The database refuses an enrollment whose columns contradict each other.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::fixtures::World;

#[tokio::test]
async fn columns_that_contradict_each_other_are_refused() {
    let world = World::start().await;
    world.partner(json!({ "email": "jane@example.com", "tenantId": "jane" })).await.expect(201);
    let sql = &mut world.app.sql().await;
    for (change, is_valid) in [
        ("status = 'approved'", true),
        ("status = 'unknown'", false),
        ("tenant_id = NULL", true),
        ("tenant_id = ''", false),
        ("tenant_id = repeat('ä', 255)", true),
        ("tenant_id = repeat('ä', 256)", false),
        ("metadata = '[]'", false),
        ("uncounted = NULL", true),
        ("uncounted = 1", false),
        ("status = 'pending'", false),
        ("status = 'pending', application_id = id", true),
        ("status = 'invited'", false),
        ("status = 'invited', invite_expires_at = now()", true),
        ("status = 'banned', banned_from = 'deactivated'", true),
        ("status = 'banned', banned_from = 'banned'", false),
        ("status = 'banned', banned_from = 'invited'", false),
        ("status = 'banned', banned_from = 'invited', invite_expires_at = now()", true),
        ("banned_reason = 'spam'", true),
        ("banned_reason = 'none'", false),
        ("rejection_reason = 'needsMoreDetail'", true),
        ("rejection_reason = 'none'", false),
        ("reapplication_timeframe = 'instant'", true),
        ("reapplication_timeframe = 'soon'", false),
        ("fraud_suspicion = 'much', reapplication_timeframe = 'never'", true),
        ("fraud_suspicion = 'much', reapplication_timeframe = 'instant'", false),
        // Also beside a status that is anything else.
        ("status = 'deactivated', tenant_id = ''", false),
        ("status = 'deactivated', metadata = '[]'", false),
        ("status = 'deactivated', uncounted = 1", false),
        ("status = 'deactivated', tenant_id = NULL, uncounted = NULL", true),
    ] {
        let update = format!("BEGIN; UPDATE enrollments SET {change}");
        let outcome = sqlx::raw_sql(AssertSqlSafe(update)).execute(&mut *sql).await;
        let constraint = outcome.as_ref().err().and_then(|error| error.as_database_error()?.constraint());
        assert_eq!(constraint, (!is_valid).then_some("enrollments_valid_check"), "{change}: {outcome:?}");
        sqlx::raw_sql("ROLLBACK").execute(&mut *sql).await.unwrap();
    }
}
