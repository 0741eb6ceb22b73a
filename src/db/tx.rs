//! The only place where a transaction begins and where a statement leaves for the database.

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::Db;
use super::pool::Lease;
use crate::error::{Error, Result};
use crate::telemetry;
use crate::telemetry::metrics::Transaction;
use crate::values::id::WorkspaceId;

/// How long one call may try, in all. A request makes few of them, one after the other, and has a deadline of its own:
/// see [`within`].
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// How long the first wait is after a deadlock or a lock timeout. It doubles.
const FIRST_BACK_OFF: Duration = Duration::from_millis(5);
/// A race is lost to a transaction that made progress; so many in a row mean that something is wrong.
const MAX_ATTEMPTS: u32 = 10;

tokio::task_local! {
    static GIVEN_UP_AT: Instant;
}

/// Does the work of a request whose answer is given up at `deadline`. No call that it makes to the database goes on
/// after that: whoever is told that it could not be done may ask for something else next, which must not be undone by
/// a late try of the first.
pub async fn within<F: Future>(deadline: Instant, work: F) -> F::Output {
    GIVEN_UP_AT.scope(deadline, work).await
}

fn deadline() -> Instant {
    let own = Instant::now() + DEADLINE;
    GIVEN_UP_AT.try_with(|given_up| own.min(*given_up)).unwrap_or(own)
}

/// What row level security goes by. Empty or absent: nobody.
const TENANT_SETTING: &str = "pearset.workspace_id";

/// What stands around a piece of work.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// Nothing: each statement is a transaction of its own.
    Statements,
    /// A transaction that only reads.
    Reads(WorkspaceId),
    /// One whose statements all see the same state.
    Snapshot(WorkspaceId),
    /// A transaction.
    Transaction(Option<WorkspaceId>),
}

impl Mode {
    /// The statement that begins it and says who the tenant is: one round trip.
    pub(super) fn beginning(self) -> Option<String> {
        // Filters that are given leave no trace of those that are not only in a plan that is made for their values; a
        // plan for all values of a statement, which PostgreSQL turns to after some calls, would walk through
        // everything.
        let (begin, tenant) = match self {
            Self::Statements => return None,
            Self::Reads(tenant) => ("BEGIN READ ONLY", Some(tenant)),
            Self::Snapshot(tenant) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                             SET LOCAL plan_cache_mode = force_custom_plan";
                (begin, Some(tenant))
            }
            Self::Transaction(tenant) => ("BEGIN", tenant),
        };
        Some(match tenant {
            Some(tenant) => format!("{begin}; SET LOCAL {TENANT_SETTING} = '{}'", Uuid::from(tenant)),
            None => begin.to_owned(),
        })
    }

    fn ends_with(self, db: &Db) -> &'static str {
        match self {
            Self::Transaction(_) => db.shared.ending,
            Self::Statements | Self::Reads(_) | Self::Snapshot(_) => "COMMIT",
        }
    }
}

impl Db {
    /// Work that goes on to its end when the caller goes away.
    pub(super) async fn in_a_task<T, W>(&self, name: &'static str, mode: Mode, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let db = self.clone();
        // The lines of the task have the id of the request.
        let attempts = async move { db.attempts(name, mode, work).await };
        let task = tokio::spawn(within(deadline(), attempts).in_current_span());
        task.await.map_err(Error::internal)?
    }

    pub(super) async fn attempts<T, W>(&self, name: &'static str, mode: Mode, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let (began, transaction) = (Instant::now(), self.shared.metrics.transaction(name));
        let span = tracing::trace_span!(
            target: telemetry::OTLP,
            "transaction",
            otel.name = name,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = "postgresql",
            attempts = Empty,
        );
        let attempts = self.attempts_until(deadline(), name, &transaction, &span, mode, work);
        let outcome = attempts.instrument(span.clone()).await;
        if outcome.as_ref().is_err_and(|error| error.code().status() >= 500) {
            span.record("otel.status_code", "ERROR");
        }
        transaction.ended(&outcome, began.elapsed());
        outcome
    }

    async fn attempts_until<T, W>(
        &self,
        deadline: Instant,
        name: &'static str,
        transaction: &Transaction,
        span: &Span,
        mode: Mode,
        work: W,
    ) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let mut attempt = 0;
        loop {
            // On the heap: each future around it has the room for it twice, and is moved.
            let tried = tokio::time::timeout_at(deadline, Box::pin(self.attempt(mode, attempt, &work))).await;
            let Ok(outcome) = tried else {
                // Nothing came back: the other sessions may lead nowhere either, and each would cost a client as long.
                self.forget_idle_sessions();
                return Err(Error::unavailable(format!("{name}: no result in time")));
            };
            attempt += 1;
            span.record("attempts", attempt);
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
        if let Some(session) = &self.within {
            return session.attempt(attempt, work).await;
        }
        let mut lease = Lease::take(&self.shared.pool).await?;
        let Some(beginning) = mode.beginning() else {
            let outcome = work(lease.conn(), attempt).await;
            if !outcome.as_ref().is_err_and(Error::is_disconnect) {
                lease.give_back();
            }
            return outcome;
        };
        // Only the words above and an id in hexadecimal digits.
        lease.conn().execute(AssertSqlSafe(beginning)).await?;
        match work(lease.conn(), attempt).await {
            Ok(value) => {
                lease.conn().execute(mode.ends_with(self)).await.map_err(|error| Error::from(error).after_commit())?;
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
