//! What PostgreSQL knows of tables that have just begun to grow.
//!
//! It counts their rows once a minute (`autovacuum_naptime`). In the first minute of a new installation that is too late:
//! without statistics every index that begins with workspace and program is as good as any other, and the plans that
//! the sessions keep walk through all enrollments of a program to find one. Each call costs more than the one before,
//! until a thousand enrollments a second have become a hundred. So the server looks itself, and so does an import, until
//! there is enough in the tables that the statistics of autovacuum will do.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};
use tokio::time::{sleep, timeout};

use crate::error::{Error, Result};

/// Those that are looked up in for every call.
const TABLES: [&str; 3] = ["partners", "enrollments", "links"];
/// Rows from which on the right index is far cheaper than every other.
const ENOUGH: f32 = 1_000.0;
/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// For one look. A connection that leads nowhere is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks once a second until the tables have grown, in a session of its own: the application's role may not do it.
pub async fn keep_statistics(options: PgConnectOptions) {
    loop {
        match until_grown(&options).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the statistics are not looked at"),
        }
        sleep(PERIOD).await;
    }
}

async fn until_grown(options: &PgConnectOptions) -> Result<()> {
    let mut conn: PgConnection = timeout(PATIENCE, options.connect()).await.map_err(Error::unavailable)??;
    while !timeout(PATIENCE, refresh_statistics(&mut conn)).await.map_err(Error::unavailable)?? {
        sleep(PERIOD).await;
    }
    Ok(())
}

/// Counts the rows of each table that has become twice as large since it was counted last. True when all have grown
/// enough.
///
/// # Errors
/// When the database is away.
pub async fn refresh_statistics(conn: &mut PgConnection) -> Result<bool> {
    let tables = TABLES.map(str::to_owned);
    let known = sqlx::query!(
        r#"/* db::refresh_statistics */
         SELECT s.relname::text AS "name!", c.reltuples AS "rows!",
                s.n_mod_since_analyze > greatest(c.reltuples, 50) AS "has_doubled!"
         FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.relname = ANY($1)"#,
        &tables,
    )
    .fetch_all(&mut *conn)
    .await?;
    for table in known.iter().filter(|table| table.has_doubled) {
        // One of the names above. Another server may be at it.
        conn.execute(AssertSqlSafe(format!("ANALYZE (SKIP_LOCKED) {}", table.name))).await?;
    }
    Ok(known.iter().all(|table| table.rows >= ENOUGH))
}
