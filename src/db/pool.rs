//! Sessions to Postgres and the pool that keeps them.
//!
//! Not `sqlx::PgPool`: that one asks the server for a sign of life after every use (a second round trip for
//! every request that needs one), and cannot tell whether a session is inside a transaction.

use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, Timeouts};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::role::APPLICATION_ROLE;
use crate::error::{Error, Result};

/// How long to wait for a free session, and how long for a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A session is replaced after this time, so that a server-side leak or a moved primary has an end.
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
        // On the heap: a call that finds a session would carry the room for opening one.
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
            // As long as a call may try (`tx`): who was cut off from us holds its locks no longer than we wait for it.
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

/// A session in use. It goes back to the pool only by [`Lease::give_back`]: whatever else ends the work (an error,
/// a panic, a deadline) may have left it in the middle of a statement or a transaction, and closes it.
pub(super) struct Lease(Option<Object<Connector>>);

impl Lease {
    /// A session that nobody uses. None of the pool's is inside a transaction: see [`Lease::give_back`].
    pub(super) async fn take(pool: &Pool) -> Result<Self> {
        let session = pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => Error::unavailable(error),
            other => Error::unavailable(other),
        })?;
        Ok(Self(Some(session)))
    }

    /// The connection.
    pub(super) fn conn(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("only give_back and drop take the session out, and both end the lease")
    }

    /// Ends the work in an orderly way.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            // Closes the socket; the server then rolls back what was open.
            drop(Object::take(session));
        }
    }
}
