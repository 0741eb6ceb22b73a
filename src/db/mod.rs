//! Postgres: sessions, transactions, migrations, the doors through row level security, and the embedded cluster.

mod pool;
mod request;
mod role;
mod source;
mod statistics;
mod tenant;
mod tx;
mod worker;

pub use source::{CREATE_ROLE, Settings, Source};
pub use statistics::{TableStatistics, refresh_statistics};
pub use tenant::{Global, Tenant};
pub use tx::with_deadline;
pub use worker::WorkspaceRange;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::error::Result;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::PoolUse;
use crate::values::id::Ids;

/// The migrations of the schema, in order.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    /// The transaction that spans a request, if there is such a transaction. All work is a part of the transaction.
    within: Option<request::Session>,
}

#[derive(Clone)]
struct Shared {
    pool: pool::Pool,
    ids: Arc<Ids>,
    metrics: Arc<Metrics>,
    /// The statement that ends a successful transaction.
    ending: &'static str,
}

impl Db {
    /// Creates a pool of at most `max_connections` sessions, and opens no session yet.
    ///
    /// # Errors
    /// When the pool cannot be built.
    pub fn new(
        options: PgConnectOptions,
        max_connections: usize,
        ids: Arc<Ids>,
        metrics: Arc<Metrics>,
    ) -> Result<Self> {
        let pool = pool::open(options, max_connections)?;
        Ok(Self { shared: Arc::new(Shared { pool, ids, metrics, ending: "COMMIT" }), within: None })
    }

    /// Returns how the sessions are used at present.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let status = self.shared.pool.status();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        PoolUse {
            max: count(status.max_size),
            idle: count(status.available),
            in_use: count(status.size.saturating_sub(status.available)),
            waiting: count(status.waiting),
        }
    }

    /// Returns the same database for a rehearsal: successful transactions are rolled back, so that their outcome is known
    /// and nothing is changed.
    #[must_use]
    pub fn rehearsal(self) -> Self {
        Self { shared: Arc::new(Shared { ending: "ROLLBACK", ..Shared::clone(&self.shared) }), ..self }
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn ping(&self) -> Result<()> {
        self.global().read("ping", |conn| Box::pin(async move { Ok(conn.ping().await?) })).await
    }

    /// Closes the idle sessions: after one session broke, the others are likely broken too, and each would cost an attempt.
    fn forget_idle_sessions(&self) {
        self.shared.pool.retain(|_, _| false);
    }

    /// Returns an evenly drawn duration between zero and `ceiling`.
    fn jitter(&self, ceiling: Duration) -> Duration {
        ceiling.mul_f64(self.shared.ids.fraction())
    }
}

/// The oldest supported version of PostgreSQL.
const MIN_SERVER_VERSION: u32 = 15_00_00;

/// The longest wait for the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Brings the schema up to date. Holds a lock, because several servers may start at the same time.
///
/// # Errors
/// When the database cannot be reached, is too old, or has a schema of a newer version.
pub async fn migrate(options: &PgConnectOptions) -> anyhow::Result<()> {
    // The text of the driver's error contains the text of its cause.
    let mut conn: PgConnection = tokio::time::timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .context("the database does not answer")?
        .map_err(|error| anyhow::anyhow!("cannot connect to the database: {error}"))?;
    if conn.server_version_num().is_some_and(|version| version < MIN_SERVER_VERSION) {
        anyhow::bail!("the database is too old: Pearset needs PostgreSQL 15 or newer");
    }
    role::ensure(&mut conn).await?;
    MIGRATOR.run(&mut conn).await.context("cannot bring the database's schema up to date")?;
    conn.close().await?;
    Ok(())
}
