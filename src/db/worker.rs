//! The door for background workers: from all workspaces to the workspaces that have work, and from there through the
//! door of each tenant.

use futures_core::future::BoxFuture;
use sqlx::PgConnection;

use super::Db;
use super::tenant::Tenant;
use super::tx::Mode;
use crate::error::Result;
use crate::values::id::WorkspaceId;

/// The most workspaces that one call returns.
const BATCH: i32 = 1_000;

/// A range of workspaces in the order of their ids, for a function `workspaces_with_*`.
#[derive(Debug, Clone, Copy)]
pub struct WorkspaceRange {
    /// The id before the range.
    pub after: WorkspaceId,
    /// The most workspaces to return.
    pub at_most: i32,
}

/// The database for a background worker that looks for work in all workspaces.
///
/// The door is narrow. A call runs in a read-only transaction without a tenant, in which row level security shows no row
/// of any tenant table, and returns ids of workspaces and nothing else. Only the functions `workspaces_with_*` of the
/// schema find work: each looks into one workspace after the other, and leaves the transaction without a tenant. The work
/// itself goes through the [`Tenant`] doors that the call returns.
#[derive(Clone, Copy)]
pub struct WorkFinder<'a>(&'a Db);

impl Db {
    /// Returns the door for background workers.
    #[must_use]
    pub fn worker(&self) -> WorkFinder<'_> {
        WorkFinder(self)
    }
}

impl<'a> WorkFinder<'a> {
    /// Finds the workspaces with work and returns the door of each. `find` calls a function `workspaces_with_*`; `name`
    /// is the name of the transaction in logs and metrics. Each workspace is returned once, also when its work is not
    /// done in between.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub async fn find<F>(self, name: &'static str, find: F) -> Result<Vec<Tenant<'a>>>
    where
        F: for<'c> Fn(&'c mut PgConnection, WorkspaceRange) -> BoxFuture<'c, Result<Vec<WorkspaceId>>> + Send + Sync,
    {
        let (mut tenants, mut after) = (Vec::new(), WorkspaceId::from(uuid::Uuid::nil()));
        loop {
            let range = WorkspaceRange { after, at_most: BATCH };
            let found = self.0.attempts(name, Mode::FindWork, |conn: &mut PgConnection, _| find(conn, range)).await?;
            tenants.extend(found.iter().map(|workspace_id| self.0.tenant(*workspace_id)));
            match found.last() {
                Some(last) if found.len() >= usize::try_from(BATCH).unwrap_or_default() => after = *last,
                _ => return Ok(tenants),
            }
        }
    }
}
