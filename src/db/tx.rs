//! The only place where a transaction begins and where a statement leaves for the database.

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::{Executor, PgConnection};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Db;
use super::pool::Lease;
use crate::error::{Error, Result};
use crate::telemetry::metrics::Transaction;

/// How long one call may try, in all. A request makes few of them, one after the other, and has a deadline of its own
/// (`http::middleware`).
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the first wait is after a deadlock or a lock timeout. It doubles.
const FIRST_BACK_OFF: Duration = Duration::from_millis(5);
/// A race is lost to a transaction that made progress; so many in a row mean that something is wrong.
const MAX_ATTEMPTS: u32 = 10;

/// Whether a piece of work needs BEGIN and COMMIT around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Statements,
    Snapshot,
    Transaction,
}

/// Filters that are given leave no trace of those that are not only in a plan that is made for their values; a plan
/// for all values of a statement, which PostgreSQL turns to after some calls, would walk through everything.
const BEGIN_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan";

impl Db {
    /// Runs `work` in a transaction and commits when it returns `Ok`, else rolls back. Runs it again after a
    /// deadlock, a lock timeout, a lost race or a connection that broke before COMMIT was sent; `work` is
    /// told how many times it ran before. `name` stands in the log.
    ///
    /// The work goes on to its end in a task of its own when the caller goes away: a half-sent BEGIN would
    /// leave the session in a transaction that nobody ends (see the regression test `dropped_clients`).
    ///
    /// # Errors
    /// What `work` returned last; 503 when the database cannot be reached in time.
    pub async fn run<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let db = self.clone();
        // The lines of the task have the id of the request.
        let task = tokio::spawn(async move { db.attempts(name, Mode::Transaction, work).await }.in_current_span());
        task.await.map_err(Error::internal)?
    }

    /// Runs statements that only read, each for itself: one round trip for each of them and nothing else.
    /// Runs them again when the connection broke. When the caller goes away the session is closed: nothing is lost,
    /// and a task for each read would cost a tenth of a repeat call.
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn read<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.attempts(name, Mode::Statements, |conn: &mut PgConnection, _| work(conn)).await
    }

    /// Runs statements that only read and that all see the same state, each planned for its own values: for lists,
    /// whose best plan depends on what they are asked for. Two round trips more than [`Db::read`].
    ///
    /// # Errors
    /// As [`Db::run`].
    pub async fn read_snapshot<T, W>(&self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.attempts(name, Mode::Snapshot, |conn: &mut PgConnection, _| work(conn)).await
    }

    async fn attempts<T, W>(&self, name: &'static str, mode: Mode, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let (began, transaction) = (Instant::now(), self.metrics.transaction(name));
        let outcome = self.attempts_until(began + DEADLINE, name, &transaction, mode, work).await;
        transaction.ended(&outcome, began.elapsed());
        outcome
    }

    async fn attempts_until<T, W>(
        &self,
        deadline: Instant,
        name: &'static str,
        transaction: &Transaction,
        mode: Mode,
        work: W,
    ) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let mut attempt = 0;
        loop {
            let tried = tokio::time::timeout_at(deadline, self.attempt(mode, attempt, &work)).await;
            let Ok(outcome) = tried else {
                // Nothing came back: the other sessions may lead nowhere either, and each would cost a client as long.
                self.forget_idle_sessions();
                return Err(Error::unavailable(format!("{name}: no result within {DEADLINE:?}")));
            };
            attempt += 1;
            let error = match outcome {
                Ok(value) => return Ok(value),
                Err(error) if !error.is_retryable() || attempt == MAX_ATTEMPTS => return Err(error),
                Err(error) => error,
            };
            transaction.retried(&error);
            tracing::debug!(transaction = name, attempt, %error, cause = ?std::error::Error::source(&error), "retried");
            if error.is_disconnect() {
                self.forget_idle_sessions();
            }
            if error.is_contention() {
                let ceiling = FIRST_BACK_OFF * 2_u32.pow(attempt.min(8));
                tokio::time::sleep(self.jitter(ceiling)).await;
            }
        }
    }

    async fn attempt<T, W>(&self, mode: Mode, attempt: u32, work: &W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let mut lease = Lease::take(&self.pool).await?;
        if mode == Mode::Statements {
            let outcome = work(lease.conn(), attempt).await;
            if !outcome.as_ref().is_err_and(Error::is_disconnect) {
                lease.give_back();
            }
            return outcome;
        }
        lease.conn().execute(if mode == Mode::Snapshot { BEGIN_SNAPSHOT } else { "BEGIN" }).await?;
        match work(lease.conn(), attempt).await {
            Ok(value) => {
                lease.conn().execute(self.ending).await.map_err(|error| Error::from(error).after_commit())?;
                lease.give_back();
                Ok(value)
            }
            Err(error) => {
                if !error.is_disconnect() && lease.conn().execute("ROLLBACK").await.is_ok() {
                    lease.give_back();
                }
                Err(error)
            }
        }
    }
}
