//! Whose request it is, before anything else is known of it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use moka::future::Cache;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{ProgramId, WorkspaceId};
use crate::programs;
use crate::state::AppState;
use crate::workspaces::{self, ApiKey, Grant};

/// The workspace that a request was made for. It travels with the answer, for what stands around the routes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MadeFor(pub(super) WorkspaceId);

/// What the key of a request gives.
///
/// # Errors
/// 401 for a key that is missing, malformed, unknown, revoked or expired; 503 when the database is away.
pub(super) async fn authenticate(app: &AppState, headers: &HeaderMap) -> Result<Arc<Grant>> {
    let key = bearer(headers)?;
    let grant = app.grants.find(&app.db, key.hash()).await?;
    if grant.expires_at.is_some_and(|end| end <= app.clock.now()) {
        return Err(Error::unauthorized(INVALID_KEY));
    }
    Ok(grant)
}

/// How long a key that was looked up is taken to be as it was: the time within which a revoked key, a lowered plan
/// or a changed scope is noticed.
const REMEMBER: Duration = Duration::from_secs(1);
/// Keys that are remembered at the same time.
const REMEMBERED_KEYS: u64 = 100_000;

/// One message for every key that does not work: which of the reasons it is helps only who guesses.
const INVALID_KEY: &str = "Invalid API key.";

/// The keys of the last second, so that a busy caller costs no query for its key, and the programs that requests
/// named in it.
pub struct GrantCache {
    grants: Cache<[u8; 32], Arc<Grant>>,
    programs: Cache<(WorkspaceId, ProgramId), ()>,
}

impl Default for GrantCache {
    fn default() -> Self {
        Self { grants: remembering(), programs: remembering() }
    }
}

fn remembering<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(REMEMBERED_KEYS).time_to_live(REMEMBER).build()
}

impl GrantCache {
    /// What a key gives. Concurrent calls for one key ask the database once; a key that is unknown is not
    /// remembered.
    async fn find(&self, db: &Db, hash: [u8; 32]) -> Result<Arc<Grant>> {
        if let Some(grant) = self.grants.get(&hash).await {
            return Ok(grant);
        }
        let look_up = async {
            let grant =
                db.global().read("find_grant", move |conn| Box::pin(workspaces::find_grant(conn, hash))).await?;
            grant.map(Arc::new).ok_or_else(|| Error::unauthorized(INVALID_KEY))
        };
        // On the heap: it is large, and every request would carry the room for it.
        Box::pin(self.grants.try_get_with(hash, look_up)).await.map_err(|error| error.again())
    }

    /// Passes if the workspace has an active program with this id.
    pub(super) async fn find_program(&self, db: &Db, workspace_id: WorkspaceId, id: ProgramId) -> Result<()> {
        let look_up = async {
            let active = db
                .tenant(workspace_id)
                .read("find_program", move |conn| Box::pin(programs::is_active(conn, workspace_id, id)))
                .await?;
            if active { Ok(()) } else { Err(no_program()) }
        };
        Box::pin(self.programs.try_get_with((workspace_id, id), look_up)).await.map_err(|error| error.again())
    }
}

/// One answer for every program that a caller cannot use.
pub(super) fn no_program() -> Error {
    Error::not_found("The program does not exist.")
}

fn bearer(headers: &HeaderMap) -> Result<ApiKey> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or_else(|| Error::unauthorized("Missing API key: send it as 'Authorization: Bearer <key>'."))?;
    let (scheme, key) = header.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::unauthorized("Malformed Authorization header: send 'Authorization: Bearer <key>'."));
    }
    key.trim().parse().map_err(|_| Error::unauthorized(INVALID_KEY))
}
