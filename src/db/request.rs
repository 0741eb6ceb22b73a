//! A transaction that spans a whole request, so that the effect of the request and the stored answer are committed
//! together (`idempotency`).

use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Db;
use super::pool::Lease;
use super::tenant::Tenant;
use super::tx::{DEADLINE, Mode};
use crate::error::{Error, Result};

/// The session of a request's transaction; `None` after the transaction has ended.
#[derive(Clone)]
pub(super) struct Session(Arc<Mutex<Option<Lease>>>);

/// The transaction of a request. Rolled back unless it is committed.
pub struct RequestTransaction {
    db: Db,
    session: Session,
}

impl Tenant<'_> {
    /// Begins a transaction for a whole request. All work with `RequestTransaction::db` is a part of the transaction.
    ///
    /// # Errors
    /// 503 when the database cannot be reached in time.
    pub async fn begin(self) -> Result<RequestTransaction> {
        let Self { db, workspace_id } = self;
        let begin = Mode::Transaction(Some(workspace_id)).beginning().unwrap_or_default();
        let session = async {
            loop {
                let mut lease = Lease::take(&db.shared.pool).await?;
                match lease.conn().execute(AssertSqlSafe(begin.clone())).await.map_err(Error::from) {
                    Ok(_) => return Ok(lease),
                    Err(error) if error.is_disconnect() => db.forget_idle_sessions(),
                    Err(error) => return Err(error),
                }
            }
        };
        let lease = tokio::time::timeout_at(Instant::now() + DEADLINE, session).await.map_err(Error::unavailable)??;
        let session = Session(Arc::new(Mutex::new(Some(lease))));
        Ok(RequestTransaction { db: Db { within: Some(session.clone()), ..db.clone() }, session })
    }
}

impl Db {
    /// Returns whether all work of this value is part of the transaction that spans a request.
    #[must_use]
    pub fn spans_request(&self) -> bool {
        self.within.is_some()
    }
}

impl RequestTransaction {
    /// Returns the database as a part of this transaction.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Commits the transaction. Work with `RequestTransaction::db` that is still running is lost.
    ///
    /// # Errors
    /// 503 when the connection broke: whether the transaction was committed is then unknown.
    pub async fn commit(self) -> Result<()> {
        self.end("COMMIT").await.map_err(Error::after_commit)
    }

    /// Rolls the transaction back.
    pub async fn roll_back(self) {
        if let Err(error) = self.end("ROLLBACK").await {
            tracing::debug!(%error, "the transaction was rolled back by the end of its session");
        }
    }

    async fn end(self, statement: &'static str) -> Result<()> {
        let mut lease = self.session.0.lock().await.take().ok_or_else(has_ended)?;
        lease.conn().execute(statement).await?;
        lease.give_back();
        Ok(())
    }
}

impl Session {
    /// Runs a piece of work inside a savepoint: work that fails leaves no trace, so that the work can run again.
    pub(super) async fn attempt<T, W>(&self, attempt: u32, work: &W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let mut session = self.0.lock().await;
        // The lease is taken out: if this future is dropped inside a statement, the session is closed with the lease.
        let mut lease = session.take().ok_or_else(has_ended)?;
        lease.conn().execute("SAVEPOINT work").await?;
        let outcome = work(lease.conn(), attempt).await;
        let end = match &outcome {
            Ok(_) => "RELEASE SAVEPOINT work",
            Err(error) if error.is_disconnect() => return outcome,
            Err(_) => "ROLLBACK TO SAVEPOINT work; RELEASE SAVEPOINT work",
        };
        lease.conn().execute(end).await?;
        *session = Some(lease);
        outcome
    }
}

fn has_ended() -> Error {
    Error::unavailable("the transaction of the request has ended")
}
