//! Runs commands and queries.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use futures_core::future::BoxFuture;
use hyper::http::request::Parts;
use sqlx::PgConnection;

use super::{Actor, Command, Query, Work};
use crate::db::Db;
use crate::error::Result;
use crate::http::extract::request_db;
use crate::values::clock::{Clock, Timestamp};
use crate::values::id::{Ids, WorkspaceId};

/// Decides whether the statements of a [`Query`] see the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// Each statement sees the rows that were committed before the statement.
    Committed,
    /// All statements see the same state, and each is planned for its own values: for lists, whose best plan depends
    /// on the given filters.
    Snapshot,
}

/// The database, the clock and the source of ids, bound together so that handlers run work with one value. Cheap to
/// clone. The extractor makes all work a part of the transaction that spans the request (`Idempotency-Key`), if there is
/// such a transaction.
#[derive(Clone)]
pub struct Executor {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
}

impl Executor {
    /// Binds the parts together.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, ids: Arc<Ids>) -> Self {
        Self { db, clock, ids }
    }

    /// Returns the database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Returns the source of ids and randomness.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Returns the present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs a command in one transaction of the actor's workspace.
    ///
    /// # Errors
    /// The error of the command; 503 when the database cannot be reached in time.
    pub async fn run<C: Command>(&self, actor: impl Into<Actor>, command: C) -> Result<C::Output> {
        let actor = actor.into();
        let shared = Arc::new((command, Arc::clone(&self.clock), Arc::clone(&self.ids)));
        self.db
            .tenant(actor.workspace_id)
            .run(C::NAME, move |conn, attempt| {
                let shared = Arc::clone(&shared);
                Box::pin(async move {
                    let (command, clock, ids) = &*shared;
                    command.apply(&mut Work::new(conn, actor, attempt, ids, &**clock)).await
                })
            })
            .await
    }

    /// Runs a query on the rows of a workspace.
    ///
    /// # Errors
    /// The error of the query; 503 when the database cannot be reached in time.
    pub async fn read<Q: Query>(&self, workspace_id: WorkspaceId, query: Q) -> Result<Q::Output> {
        let (tenant, fetch) = (self.db.tenant(workspace_id), repeatable(Arc::new(query)));
        match Q::MODE {
            ReadMode::Committed => tenant.read(Q::NAME, fetch).await,
            ReadMode::Snapshot => tenant.read_snapshot(Q::NAME, fetch).await,
        }
    }
}

/// Returns the query as work for a tenant's door, which may run the work several times.
fn repeatable<Q: Query>(
    query: Arc<Q>,
) -> impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<Q::Output>> + Send + Sync {
    move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { query.fetch(conn).await })
    }
}

impl<S> FromRequestParts<S> for Executor
where
    S: Send + Sync,
    Executor: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Infallible> {
        let executor = Self::from_ref(state);
        Ok(match request_db(parts) {
            Some(db) => Self { db, ..executor },
            None => executor,
        })
    }
}
