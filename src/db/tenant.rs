//! The doors to the database. Each door decides which rows a piece of work may see, and there is no other way to the
//! database.

use futures_core::future::BoxFuture;
use sqlx::PgConnection;

use super::Db;
use super::tx::Mode;
use crate::error::Result;
use crate::values::id::WorkspaceId;

/// The database as one workspace sees it. Each transaction sets the workspace, and row level security neither shows nor
/// accepts rows of another workspace: a statement without a condition on the workspace finds no rows of others.
///
/// There is no query without this door, [`Global`] or `WorkFinder`:
///
/// ```compile_fail
/// async fn without_a_tenant(db: &pearset::testing::db::Db) {
///     let _ = db.read("partners", |conn| Box::pin(async move { let _ = conn; Ok(()) })).await;
/// }
/// ```
///
/// ```
/// async fn of_a_tenant(db: &pearset::testing::db::Db, workspace_id: pearset::testing::values::id::WorkspaceId) {
///     let _ = db.tenant(workspace_id).read("partners", |conn| Box::pin(async move { let _ = conn; Ok(()) })).await;
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    pub(super) db: &'a Db,
    pub(super) workspace_id: WorkspaceId,
}

/// The database without a tenant: for the tables that must be read before the tenant is known (`workspaces`,
/// `api_keys`, `link_hosts`) or that belong to no tenant (`signing_keys`). Row level security shows no row of any other
/// table, except inside the functions `find_grant` and `find_workspace_of_program`, which find the tenant and continue as
/// that tenant.
#[derive(Clone, Copy)]
pub struct Global<'a>(&'a Db);

impl Db {
    /// Returns the door for work on the rows of this workspace.
    #[must_use]
    pub fn tenant(&self, workspace_id: WorkspaceId) -> Tenant<'_> {
        Tenant { db: self, workspace_id }
    }

    /// Returns the door for work on tables that belong to no tenant.
    #[must_use]
    pub fn global(&self) -> Global<'_> {
        Global(self)
    }
}

impl Tenant<'_> {
    /// Returns the workspace that this door belongs to.
    #[must_use]
    pub fn workspace_id(self) -> WorkspaceId {
        self.workspace_id
    }

    /// Runs `work` in a transaction, which commits when `work` returns `Ok` and is rolled back otherwise. Runs `work`
    /// again after a deadlock, a lock timeout, a lost race or a connection that broke before COMMIT was sent; `work`
    /// receives the number of earlier runs. `name` is the name of the transaction in logs and metrics.
    ///
    /// The work runs in a task of its own and goes on to its end when the caller goes away: a half-sent BEGIN would leave
    /// the session in a transaction that nobody ends (see the regression test `dropped_clients`).
    ///
    /// # Errors
    /// The last error of `work`; 503 when the database cannot be reached in time.
    pub async fn run<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.db.in_a_task(name, Mode::Transaction(Some(self.workspace_id)), work).await
    }

    /// Runs read-only statements. Each statement may see a later state than the statement before. The statements run again
    /// after a broken connection. When the caller goes away the session is closed: nothing is lost, and a task for each
    /// read would cost a tenth of a repeat call.
    ///
    /// # Errors
    /// Like [`Tenant::run`].
    pub async fn read<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Reads(self.workspace_id), |conn: &mut PgConnection, _| work(conn)).await
    }

    /// Runs read-only statements on one snapshot, each planned for its own values: for lists, whose best plan depends on
    /// the given filters.
    ///
    /// # Errors
    /// Like [`Tenant::run`].
    pub async fn read_snapshot<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Snapshot(self.workspace_id), |conn: &mut PgConnection, _| work(conn)).await
    }

    /// Calls a function of the database that reads as the given workspace, in one round trip where [`Tenant::read`] takes
    /// three. `work` receives the workspace for the call; any other statement finds no rows.
    ///
    /// # Errors
    /// Like [`Tenant::run`].
    pub async fn call<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, WorkspaceId) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.db.attempts(name, Mode::Statements, |conn: &mut PgConnection, _| work(conn, self.workspace_id)).await
    }
}

impl Global<'_> {
    /// Runs `work` in a transaction, like [`Tenant::run`].
    ///
    /// # Errors
    /// Like [`Tenant::run`].
    pub async fn run<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection, u32) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.0.in_a_task(name, Mode::Transaction(None), work).await
    }

    /// Runs read-only statements, each as a transaction of its own, in one round trip each.
    ///
    /// # Errors
    /// Like [`Tenant::run`].
    pub async fn read<T, W>(self, name: &'static str, work: W) -> Result<T>
    where
        W: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T>> + Send + Sync,
        T: Send,
    {
        self.0.attempts(name, Mode::Statements, |conn: &mut PgConnection, _| work(conn)).await
    }
}
