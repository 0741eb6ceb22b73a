//! PostgreSQL's statistics of tables that have just begun to grow.
//!
//! PostgreSQL counts the rows of tables once a minute (`autovacuum_naptime`), which is too late in the first minute of
//! a new installation. Without statistics, every index that begins with workspace and program looks equally good, and
//! the cached plans of the sessions scan all enrollments of a program to find one enrollment. Each call costs more than
//! the call before, until the throughput has fallen from a thousand enrollments per second to a hundred. The server and
//! an import therefore refresh the statistics themselves until the tables are large enough for the statistics of
//! autovacuum.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection};
use tokio::time::timeout;

use crate::error::{Error, Result};

/// The tables that every call looks up rows in.
const TABLES: [&str; 3] = ["partners", "enrollments", "links"];
/// The number of rows above which the right index is far cheaper than every other index.
const ENOUGH_ROWS: f32 = 1_000.0;
/// The time limit for connecting, and for one refresh.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// Refreshes the statistics in a session of its own: the application's role may not analyze tables.
pub struct TableStatistics {
    options: PgConnectOptions,
    session: Mutex<Option<PgConnection>>,
}

impl TableStatistics {
    /// The pause between two refreshes.
    pub const INTERVAL: Duration = Duration::from_secs(1);

    /// Creates a value that connects with these options, which must name the owner of the tables.
    #[must_use]
    pub fn new(options: PgConnectOptions) -> Self {
        Self { options, session: Mutex::default() }
    }

    /// Refreshes the statistics once. Returns whether all tables have grown enough, after which nothing is left to do.
    /// The session is kept for the next refresh.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub async fn refresh(&self) -> Result<bool> {
        let kept = self.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut conn = match kept {
            Some(conn) => conn,
            None => timeout(REFRESH_TIMEOUT, self.options.connect()).await.map_err(Error::unavailable)??,
        };
        let grown = timeout(REFRESH_TIMEOUT, refresh_statistics(&mut conn)).await.map_err(Error::unavailable)??;
        let other = self.session.lock().unwrap_or_else(PoisonError::into_inner).replace(conn);
        drop(other);
        Ok(grown)
    }
}

/// Analyzes each table that has doubled since it was analyzed last. Returns whether all tables have grown enough.
///
/// # Errors
/// 503 when the database is unavailable.
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
        // The name is one of `TABLES`. Another server may be analyzing the table, which is then skipped.
        conn.execute(AssertSqlSafe(format!("ANALYZE (SKIP_LOCKED) {}", table.name))).await?;
    }
    Ok(known.iter().all(|table| table.rows >= ENOUGH_ROWS))
}
