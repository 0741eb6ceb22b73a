//! What an identity may mean: the question that every call begins with.

use std::slice;
use std::sync::Arc;

use sqlx::PgConnection;

use super::rule::{Candidates, Identity};
use crate::batcher::{Answerer, Together};
use crate::db::Db;
use crate::enrollments::store;
use crate::error::{Error, Result};
use crate::values::ProgramScope;

/// The look-ups that are under way. Those of one program that come at the same time are one statement; never those of
/// two workspaces, so that row level security stands around each.
pub struct LookUps(Together<Database>);

struct Database(Db);

impl Answerer for Database {
    type About = ProgramScope;
    type Question = Arc<Identity>;
    type Answer = Candidates;

    async fn answer(&self, scope: ProgramScope, identities: Vec<Arc<Identity>>) -> Result<Vec<Candidates>> {
        let identities = Arc::<[_]>::from(identities);
        self.0
            .tenant(scope.workspace_id)
            .call("find_enrollment", move |conn, workspace_id| {
                let identities = Arc::clone(&identities);
                Box::pin(async move { store::find_candidates(conn, workspace_id, scope.program_id, &identities).await })
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
    pub(in crate::enrollments) async fn find(
        &self,
        scope: ProgramScope,
        identity: Arc<Identity>,
    ) -> Result<Candidates> {
        self.0.ask(scope, identity).await
    }
}

/// [`LookUps::find`] in the caller's transaction.
pub(in crate::enrollments) async fn find_in(
    conn: &mut PgConnection,
    scope: ProgramScope,
    identity: &Arc<Identity>,
) -> Result<Candidates> {
    let found = store::find_candidates(conn, scope.workspace_id, scope.program_id, slice::from_ref(identity)).await?;
    found.into_iter().next().ok_or_else(|| Error::internal("nothing was looked up"))
}
