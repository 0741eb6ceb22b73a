//! Sessions to Postgres and their pool.
//!
//! The pool is not `sqlx::PgPool`, which pings the server after every use (a second round trip for requests that need
//! one), and cannot tell whether a session is inside a transaction.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::role::APPLICATION_ROLE;
use crate::error::{Error, Result};

/// The longest wait for a free session, and the longest wait for a new session.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// The age at which a session is replaced, which puts an end to server-side leaks and to sessions on a former primary.
const MAX_AGE: Duration = Duration::from_mins(30);

/// Opens sessions.
#[derive(Debug)]
pub(super) struct Connector {
    options: PgConnectOptions,
}

impl managed::Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> std::result::Result<PgConnection, sqlx::Error> {
        // Boxed: the future is large, and calls that find a free session would reserve memory for the future.
        Box::pin(PgConnection::connect_with(&self.options)).await
    }

    async fn recycle(&self, _: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE { Err(RecycleError::message("too old")) } else { Ok(()) }
    }
}

pub(super) type Pool = managed::Pool<Connector>;

pub(super) fn open(options: PgConnectOptions, max_connections: usize) -> Result<Pool> {
    let options = options
        .application_name("pearset")
        .options([
            ("role", APPLICATION_ROLE),
            ("lock_timeout", "2s"),
            ("statement_timeout", "5s"),
            // The time for which a call may retry (`tx`): a session that lost its client holds its locks no longer than
            // other sessions wait for these locks.
            ("idle_in_transaction_session_timeout", "5s"),
        ])
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

/// A session in use. Only [`Lease::give_back`] returns the session to the pool. Everything else that ends the work (an
/// error, a panic, a deadline) may leave the session inside a statement or a transaction, and closes the session.
pub(super) struct Lease(Option<Object<Connector>>);

impl Lease {
    /// Takes a free session. No session in the pool is inside a transaction: see [`Lease::give_back`].
    pub(super) async fn take(pool: &Pool) -> Result<Self> {
        let session = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => Error::unavailable(error),
            other => Error::unavailable(other),
        })?;
        Ok(Self(Some(session)))
    }

    /// Returns the connection.
    pub(super) fn conn(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("only give_back and drop take the session out, and both end the lease")
    }

    /// Returns the session to the pool.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            // Closes the socket, after which the server rolls back an open transaction.
            drop(Object::take(session));
        }
    }
}
