//! Postgres: sessions, transactions, migrations, and the private cluster.

mod pool;
mod request;
mod role;
mod source;
mod statistics;
mod tenant;
mod tx;

pub use request::RequestTransaction;
pub use source::{CREATE_ROLE, Source};
pub use statistics::{keep_statistics, refresh_statistics};
pub use tenant::{Global, Tenant};
pub use tx::within;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::error::Result;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::PoolUse;
use crate::values::id::Ids;

/// The schema, in order.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    /// The transaction that all work is a part of, if there is one.
    within: Option<request::Session>,
}

#[derive(Clone)]
struct Shared {
    pool: pool::Pool,
    ids: Arc<Ids>,
    metrics: Arc<Metrics>,
    /// The statement that ends a transaction whose work is done.
    ending: &'static str,
}

impl Db {
    /// A pool of at most `max_connections` sessions; opens none yet.
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

    /// How its sessions are used at this moment.
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

    /// The same database for a rehearsal: work that is done is rolled back, so that one learns what would come of it.
    #[must_use]
    pub fn rehearsal(self) -> Self {
        Self { shared: Arc::new(Shared { ending: "ROLLBACK", ..Shared::clone(&self.shared) }), ..self }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// 503 when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.global().read("ping", |conn| Box::pin(async move { Ok(conn.ping().await?) })).await
    }

    /// Drops the sessions that nobody uses: after one broke, the others are likely broken too, and each
    /// would cost a try.
    fn forget_idle_sessions(&self) {
        self.shared.pool.retain(|_, _| false);
    }

    /// An even draw between zero and `ceiling`.
    fn jitter(&self, ceiling: Duration) -> Duration {
        ceiling.mul_f64(self.shared.ids.fraction())
    }
}

/// The oldest PostgreSQL that the SQL here is written for.
const MIN_SERVER_VERSION: u32 = 15_00_00;

/// How long to wait for the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Brings the schema up to date, under a lock: several servers may start at once.
///
/// # Errors
/// When the database cannot be reached, is too old, or holds a schema that this version does not know.
pub async fn migrate(options: &PgConnectOptions) -> anyhow::Result<()> {
    // The text of the driver's error has that of its cause in it.
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
