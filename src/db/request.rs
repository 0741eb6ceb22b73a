//! A transaction that spans all that one request does, where an answer is kept together with its effect
//! (`http::idempotency`).

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

/// The session of a request's transaction, until that is over.
#[derive(Clone)]
pub(super) struct Session(Arc<Mutex<Option<Lease>>>);

/// A request's transaction. What is not committed is rolled back.
pub struct RequestTransaction {
    db: Db,
    session: Session,
}

impl Tenant<'_> {
    /// Begins a transaction for a whole request. Everything that is done with [`RequestTransaction::db`] becomes a part
    /// of it.
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
    /// The database as a part of this transaction.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Makes all of it last. What was begun with [`RequestTransaction::db`] and is not done by now is lost.
    ///
    /// # Errors
    /// 503 when the connection broke: then it is not known whether it lasts.
    pub async fn commit(self) -> Result<()> {
        self.end("COMMIT").await.map_err(Error::after_commit)
    }

    /// Takes all of it back.
    pub async fn roll_back(self) {
        if let Err(error) = self.end("ROLLBACK").await {
            tracing::debug!(%error, "the end of the session has rolled it back");
        }
    }

    async fn end(self, statement: &'static str) -> Result<()> {
        let mut lease = self.session.0.lock().await.take().ok_or_else(is_over)?;
        lease.conn().execute(statement).await?;
        lease.give_back();
        Ok(())
    }
}

impl Session {
    /// Runs a piece of work that leaves no trace when it fails, so that it can be run again.
    pub(super) async fn attempt<T, W>(&self, attempt: u32, work: &W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>>,
    {
        let mut place = self.0.lock().await;
        // Taken out: if this ends in the middle of a statement, the session is closed with it.
        let mut lease = place.take().ok_or_else(is_over)?;
        lease.conn().execute("SAVEPOINT work").await?;
        let outcome = work(lease.conn(), attempt).await;
        let end = match &outcome {
            Ok(_) => "RELEASE SAVEPOINT work",
            Err(error) if error.is_disconnect() => return outcome,
            Err(_) => "ROLLBACK TO SAVEPOINT work; RELEASE SAVEPOINT work",
        };
        lease.conn().execute(end).await?;
        *place = Some(lease);
        outcome
    }
}

fn is_over() -> Error {
    Error::unavailable("the transaction of the request is over")
}
