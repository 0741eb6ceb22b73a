//! Sessions to Postgres and the pool that keeps them.
//!
//! Not `sqlx::PgPool`: that one asks the server for a sign of life after every use (a second round trip for
//! every request that needs one), and cannot tell whether a session is inside a transaction.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::error::{Error, Result};

/// How long to wait for a free session, and how long for a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A session is replaced after this time, so that a server-side leak or a moved primary has an end.
const MAX_AGE: Duration = Duration::from_mins(30);

/// A connection and whether it is in a state to be used again.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) conn: PgConnection,
    /// False from the moment that work begins until it has ended in an orderly way.
    pub(super) clean: bool,
}

/// Opens sessions and refuses those that must not be used again.
#[derive(Debug)]
pub(super) struct Connector {
    options: PgConnectOptions,
}

impl managed::Manager for Connector {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> std::result::Result<Session, sqlx::Error> {
        let conn = PgConnection::connect_with(&self.options).await?;
        Ok(Session { conn, clean: true })
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if !session.clean {
            return Err(RecycleError::message("left in the middle of a statement or a transaction"));
        }
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("too old"));
        }
        Ok(())
    }
}

pub(super) type Pool = managed::Pool<Connector>;

pub(super) fn open(options: PgConnectOptions, max_connections: usize) -> Result<Pool> {
    let options = options
        .application_name("pearset")
        .options([("lock_timeout", "2s"), ("statement_timeout", "5s"), ("idle_in_transaction_session_timeout", "10s")])
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(1));
    managed::Pool::builder(Connector { options })
        .max_size(max_connections)
        .runtime(deadpool::Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(ACQUIRE_TIMEOUT),
            create: Some(ACQUIRE_TIMEOUT),
            recycle: Some(ACQUIRE_TIMEOUT),
        })
        .build()
        .map_err(Error::internal)
}

pub(super) async fn session(pool: &Pool) -> Result<Object<Connector>> {
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => Error::unavailable(error),
        other => Error::unavailable(other),
    })
}
