//! What an identity may mean: the question that every call begins with.

use std::slice;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use sqlx::PgConnection;

use super::rule::{Candidates, Identity};
use super::store;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{ProgramId, WorkspaceId};
use crate::together::Together;

type Program = (WorkspaceId, ProgramId);

/// The look-ups that are under way. Those of one program that come at the same time are one statement; never those of
/// two workspaces, so that row level security stands around each.
#[derive(Default)]
pub struct LookUps(Together<Program, Arc<Identity>, Candidates>);

impl LookUps {
    /// What an identity may mean, without a lock.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(super) async fn find(&self, db: &Db, program: Program, identity: Arc<Identity>) -> Result<Candidates> {
        let db = db.clone();
        let is_within_request = db.is_within_request();
        let find = move |identities: Vec<Arc<Identity>>| -> BoxFuture<'static, Result<Vec<Candidates>>> {
            let (db, identities) = (db.clone(), Arc::<[_]>::from(identities));
            Box::pin(async move {
                db.tenant(program.0)
                    .call("find_enrollment", move |conn, workspace_id| {
                        let identities = Arc::clone(&identities);
                        Box::pin(
                            async move { store::find_candidates(conn, workspace_id, program.1, &identities).await },
                        )
                    })
                    .await
            })
        };
        if is_within_request {
            // Only its own transaction sees what it has written.
            return only(find(vec![identity]).await?);
        }
        self.0.ask(program, identity, find).await
    }
}

/// [`LookUps::find`] in the caller's transaction.
pub(super) async fn find_in(conn: &mut PgConnection, program: Program, identity: &Arc<Identity>) -> Result<Candidates> {
    only(store::find_candidates(conn, program.0, program.1, slice::from_ref(identity)).await?)
}

fn only(found: Vec<Candidates>) -> Result<Candidates> {
    found.into_iter().next().ok_or_else(|| Error::internal("nothing was looked up"))
}
