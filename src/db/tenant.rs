//! Whose rows a piece of work may see: there is no way to the database but through one of these.

use futures_core::future::BoxFuture;
use sqlx::PgConnection;

use super::Db;
use super::tx::Mode;
use crate::error::Result;
use crate::values::id::WorkspaceId;

/// The database as one workspace sees it. Each transaction tells the database which one it is, and row level security
/// shows and takes no row of another: a statement that forgets to ask for the workspace finds nothing of others.
///
/// There is no query without it, or [`Global`]:
///
/// ```compile_fail
/// async fn without_a_tenant(db: &pearset::db::Db) {
///     let _ = db.read("partners", |conn| Box::pin(async move { let _ = conn; Ok(()) })).await;
/// }
/// ```
///
/// ```
/// async fn of_a_tenant(db: &pearset::db::Db, workspace_id: pearset::values::id::WorkspaceId) {
///     let _ = db.tenant(workspace_id).read("partners", |conn| Box::pin(async move { let _ = conn; Ok(()) })).await;
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    pub(super) db: &'a Db,
    pub(super) workspace_id: WorkspaceId,
}

/// The database without a tenant: for the tables that must be read before the tenant is known (`workspaces`,
/// `api_keys`, `link_hosts`) or that are nobody's (`signing_keys`). Row level security shows no row of any other table,
/// but to the functions `find_grant` and `find_workspace_of_program`, which find out the tenant and go on as it.
#[derive(Clone, Copy)]
pub struct Global<'a>(&'a Db);

impl Db {
    /// For work on the rows of this workspace.
    #[must_use]
    pub fn tenant(&self, workspace_id: WorkspaceId) -> Tenant<'_> {
        Tenant { db: self, workspace_id }
    }

    /// For work on what is no tenant's.
    #[must_use]
    pub fn global(&self) -> Global<'_> {
        Global(self)
    }
}

impl Tenant<'_> {
    /// Runs `work` in a transaction and commits when it returns `Ok`, else rolls back. Runs it again after a
    /// deadlock, a lock timeout, a lost race or a connection that broke before COMMIT was sent; `work` is
    /// told how many times it ran before. `name` stands in the log.
    ///
    /// The work goes on to its end in a task of its own when the caller goes away: a half-sent BEGIN would
    /// leave the session in a transaction that nobody ends (see the regression test `dropped_clients`).
    ///
    /// # Errors
    /// What `work` returned last; 503 when the database cannot be reached in time.
    pub async fn run<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.db.in_a_task(name, Mode::Transaction(Some(self.workspace_id)), work).await
    }

    /// Runs statements that only read, and that may each see a later state than the one before. Runs them again when
    /// the connection broke. When the caller goes away the session is closed: nothing is lost, and a task for each
    /// read would cost a tenth of a repeat call.
    ///
    /// # Errors
    /// As [`Tenant::run`].
    pub async fn read<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Reads(self.workspace_id), |conn: &mut PgConnection, _| work(conn)).await
    }

    /// Runs statements that only read and that all see the same state, each planned for its own values: for lists,
    /// whose best plan depends on what they are asked for.
    ///
    /// # Errors
    /// As [`Tenant::run`].
    pub async fn read_snapshot<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Snapshot(self.workspace_id), |conn: &mut PgConnection, _| work(conn)).await
    }

    /// Calls a function of the database that reads as the workspace it is given: one round trip, where
    /// [`Tenant::read`] takes two more. `work` gets the workspace to give to it; any other statement finds nothing.
    ///
    /// # Errors
    /// As [`Tenant::run`].
    pub async fn call<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, WorkspaceId) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Statements, |conn: &mut PgConnection, _| work(conn, self.workspace_id)).await
    }
}

impl Global<'_> {
    /// As [`Tenant::run`].
    ///
    /// # Errors
    /// As [`Tenant::run`].
    pub async fn run<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.0.in_a_task(name, Mode::Transaction(None), work).await
    }

    /// Runs statements that only read, each for itself: one round trip for each of them and nothing else.
    ///
    /// # Errors
    /// As [`Tenant::run`].
    pub async fn read<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.0.attempts(name, Mode::Statements, |conn: &mut PgConnection, _| work(conn)).await
    }
}
