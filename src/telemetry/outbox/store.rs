//! The one query that the metrics make.

use sqlx::PgConnection;

use crate::error::Result;

/// The rows of the outbox as PostgreSQL's statistics have them: counting would read all of it at every look, and a
/// session of the application sees one tenant's rows.
pub(super) async fn find_outbox_depth(conn: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"/* telemetry::outbox::find_outbox_depth */ SELECT pg_stat_get_live_tuples('outbox'::regclass) AS "rows!""#
    )
    .fetch_one(conn)
    .await?)
}
