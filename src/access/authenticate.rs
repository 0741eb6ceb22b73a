//! API keys and the grants that they carry.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use moka::future::Cache;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::programs;
use crate::values::ProgramScope;
use crate::values::clock::Clock;
use crate::workspaces::{self, ApiKey, Grant};

/// The lifetime of a cached grant: the time within which a revoked key, a lowered plan or a changed scope takes effect.
const GRANT_TTL: Duration = Duration::from_secs(1);
/// The number of grants that are cached at the same time.
const MAX_CACHED_GRANTS: u64 = 100_000;

/// One message for every key that does not work: the exact reason would only help an attacker.
const INVALID_KEY: &str = "Invalid API key.";

/// Authenticates API keys and checks the programs that requests name. Grants and checked programs are cached for
/// [`GRANT_TTL`], so that a busy caller costs no query for its key. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Arc<dyn Clock>,
    grants: Cache<[u8; 32], Arc<Grant>>,
    programs: Cache<ProgramScope, ()>,
}

impl Access {
    /// Binds the database and the clock together, with empty caches.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { db, clock, grants: cache(), programs: cache() }))
    }

    /// Returns the grant of the API key in the headers of a request.
    ///
    /// # Errors
    /// 401 for a key that is missing, malformed, unknown, revoked or expired; 503 when the database is unavailable.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Grant>> {
        let key = bearer(headers)?;
        let grant = self.find_grant(key.hash()).await?;
        if grant.expires_at.is_some_and(|end| end <= self.0.clock.now()) {
            return Err(Error::unauthorized(INVALID_KEY));
        }
        Ok(grant)
    }

    /// Returns the grant of a key. Concurrent calls for one key ask the database once; an unknown key is not cached.
    async fn find_grant(&self, hash: [u8; 32]) -> Result<Arc<Grant>> {
        if let Some(grant) = self.0.grants.get(&hash).await {
            return Ok(grant);
        }
        let look_up = async {
            let found = self.0.db.global();
            let grant = found.read("find_grant", move |conn| Box::pin(workspaces::find_grant(conn, hash))).await?;
            grant.map(Arc::new).ok_or_else(|| Error::unauthorized(INVALID_KEY))
        };
        // Boxed: the future is large, and every request would reserve memory for the future.
        Box::pin(self.0.grants.try_get_with(hash, look_up)).await.map_err(|error| error.again())
    }

    /// Returns the database outside of any request's transaction.
    pub(super) fn db(&self) -> &Db {
        &self.0.db
    }

    /// Checks that the workspace has this program and the program is active.
    pub(super) async fn check_program(&self, db: &Db, scope: ProgramScope) -> Result<()> {
        let look_up = async {
            let tenant = db.tenant(scope.workspace_id);
            let active = tenant.read("find_program", move |conn| Box::pin(programs::is_active(conn, scope))).await?;
            if active { Ok(()) } else { Err(no_program()) }
        };
        Box::pin(self.0.programs.try_get_with(scope, look_up)).await.map_err(|error| error.again())
    }
}

fn cache<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(MAX_CACHED_GRANTS).time_to_live(GRANT_TTL).build()
}

/// Returns the one answer for every program that a caller cannot use.
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
