//! The only place where a transaction begins and where statements are sent to the database.

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

/// The time limit of a transaction with all retries. A request runs few transactions, one after the other, and has its own
/// deadline: see [`with_deadline`].
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// The longest first pause after a deadlock or a lock timeout. Doubles with each retry.
const FIRST_BACK_OFF: Duration = Duration::from_millis(5);
/// The most attempts. A race is lost to a transaction that made progress; this many lost races in a row mean a fault.
const MAX_ATTEMPTS: u32 = 10;

tokio::task_local! {
    static DEADLINE_OF_REQUEST: Instant;
}

/// Runs the work of a request whose answer is given up at `deadline`. No transaction of the request goes on after the
/// deadline: a client that received 503 may send another request next, and a late attempt of the first request must not
/// undo the second.
pub async fn with_deadline<F: Future>(deadline: Instant, work: F) -> F::Output {
    DEADLINE_OF_REQUEST.scope(deadline, work).await
}

fn deadline() -> Instant {
    let own = Instant::now() + DEADLINE;
    DEADLINE_OF_REQUEST.try_with(|of_request| own.min(*of_request)).unwrap_or(own)
}

/// The setting that row level security reads the tenant from. Empty or absent: no tenant.
const TENANT_SETTING: &str = "pearset.workspace_id";

/// The transaction around a piece of work.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// No transaction around the work: each statement is a separate transaction.
    Statements,
    /// A read-only transaction.
    Reads(WorkspaceId),
    /// A read-only transaction whose statements all see the same state.
    Snapshot(WorkspaceId),
    /// A read-only transaction without a tenant.
    FindWork,
    /// A transaction that may write.
    Transaction(Option<WorkspaceId>),
}

impl Mode {
    /// Returns the statement that begins the transaction and sets the tenant, in one round trip.
    pub(super) fn beginning(self) -> Option<String> {
        // A snapshot serves lists with optional filters. Only a plan for the given values can leave the absent filters out;
        // a generic plan, which PostgreSQL turns to after some calls, would walk through all rows.
        let (begin, tenant) = match self {
            Self::Statements => return None,
            Self::Reads(tenant) => ("BEGIN READ ONLY", Some(tenant)),
            Self::Snapshot(tenant) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                             SET LOCAL plan_cache_mode = force_custom_plan";
                (begin, Some(tenant))
            }
            Self::FindWork => ("BEGIN READ ONLY", None),
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
            Self::Statements | Self::Reads(_) | Self::Snapshot(_) | Self::FindWork => "COMMIT",
        }
    }
}

impl Db {
    /// Runs work that goes on to its end when the caller goes away.
    pub(super) async fn in_a_task<T, W>(&self, name: &'static str, mode: Mode, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let db = self.clone();
        // The log lines of the task have the id of the request.
        let attempts = async move { db.attempts(name, mode, work).await };
        let task = tokio::spawn(with_deadline(deadline(), attempts).in_current_span());
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
            // Boxed: each enclosing future would reserve memory for this future twice, and is moved.
            let tried = tokio::time::timeout_at(deadline, Box::pin(self.attempt(mode, attempt, &work))).await;
            let Ok(outcome) = tried else {
                // No result arrived: the other sessions may be dead too, and each would cost a client as long.
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
        // The text consists of the constants above and an id in hexadecimal digits.
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
