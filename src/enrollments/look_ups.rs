//! What an identity may mean: the question that every call begins with.

use std::slice;
use std::sync::Arc;

use sqlx::PgConnection;

use super::rule::{Candidates, Identity};
use super::store;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{ProgramId, WorkspaceId};
use crate::together::{Answerer, Together};

type Program = (WorkspaceId, ProgramId);

/// The look-ups that are under way. Those of one program that come at the same time are one statement; never those of
/// two workspaces, so that row level security stands around each.
pub struct LookUps(Together<Database>);

struct Database(Db);

impl Answerer for Database {
    type About = Program;
    type Question = Arc<Identity>;
    type Answer = Candidates;

    async fn answer(&self, program: Program, identities: Vec<Arc<Identity>>) -> Result<Vec<Candidates>> {
        let identities = Arc::<[_]>::from(identities);
        self.0
            .tenant(program.0)
            .call("find_enrollment", move |conn, workspace_id| {
                let identities = Arc::clone(&identities);
                Box::pin(async move { store::find_candidates(conn, workspace_id, program.1, &identities).await })
            })
            .await
    }
}

impl LookUps {
    /// None is under way.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self(Together::new(Database(db)))
    }

    /// What an identity may mean, without a lock.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(super) async fn find(&self, program: Program, identity: Arc<Identity>) -> Result<Candidates> {
        self.0.ask(program, identity).await
    }
}

/// [`LookUps::find`] in the caller's transaction.
pub(super) async fn find_in(conn: &mut PgConnection, program: Program, identity: &Arc<Identity>) -> Result<Candidates> {
    let found = store::find_candidates(conn, program.0, program.1, slice::from_ref(identity)).await?;
    found.into_iter().next().ok_or_else(|| Error::internal("nothing was looked up"))
}
