//! The look-up that every enrollment request begins with.

use std::slice;
use std::sync::Arc;

use sqlx::PgConnection;

use crate::batcher::{BatchLoader, Batcher};
use crate::db::Db;
use crate::enrollments::model::{Candidates, Identity};
use crate::enrollments::store;
use crate::error::{Error, Result};
use crate::values::ProgramScope;

/// The look-ups of enrollments. Concurrent look-ups in one program share a statement; look-ups in two workspaces never
/// do, so that row level security applies to each. Cheap to clone.
#[derive(Clone)]
pub struct EnrollmentLookups(Batcher<CandidateLoader>);

impl EnrollmentLookups {
    /// Binds the look-ups to a database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self(Batcher::new(CandidateLoader(db)))
    }

    /// Returns the enrollments that an identity may mean, without a lock. Where `db` is the transaction that spans a
    /// request, the look-up is a part of that transaction and shares no statement with other requests.
    ///
    /// # Errors
    /// 503 when the database is unavailable.
    pub(super) async fn find(&self, db: &Db, scope: ProgramScope, identity: &Arc<Identity>) -> Result<Candidates> {
        let identity = Arc::clone(identity);
        if db.spans_request() {
            return first(CandidateLoader(db.clone()).load(scope, vec![identity]).await?);
        }
        self.0.load(scope, identity).await
    }
}

/// Returns the enrollments that an identity may mean, in the caller's transaction.
///
/// # Errors
/// 503 when the database is unavailable.
pub(super) async fn find_candidates(
    conn: &mut PgConnection,
    scope: ProgramScope,
    identity: &Arc<Identity>,
) -> Result<Candidates> {
    first(store::find_candidates(conn, scope, slice::from_ref(identity)).await?)
}

fn first(candidates: Vec<Candidates>) -> Result<Candidates> {
    candidates.into_iter().next().ok_or_else(|| Error::internal("a look-up without an answer"))
}

struct CandidateLoader(Db);

impl BatchLoader for CandidateLoader {
    type BatchKey = ProgramScope;
    type Request = Arc<Identity>;
    type Answer = Candidates;

    async fn load(&self, scope: ProgramScope, identities: Vec<Arc<Identity>>) -> Result<Vec<Candidates>> {
        let identities = Arc::<[_]>::from(identities);
        self.0
            .tenant(scope.workspace_id)
            .call("find_enrollment", move |conn, _| {
                let identities = Arc::clone(&identities);
                Box::pin(async move { store::find_candidates(conn, scope, &identities).await })
            })
            .await
    }
}
