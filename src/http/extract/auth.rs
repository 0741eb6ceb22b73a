//! Who calls, and whether they may: a handler that names the permission it needs gets a tenant to query with, and a
//! handler that names none gets nothing.

use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use moka::future::Cache;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, ProgramId, WorkspaceId};
use crate::programs::{self, ProgramRef};
use crate::state::AppState;
use crate::workspaces::{self, ApiKey, Grant, Plan, Scope};

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
            let grant = db.read("find_grant", move |conn| Box::pin(workspaces::find_grant(conn, hash))).await?;
            grant.map(Arc::new).ok_or_else(|| Error::unauthorized(INVALID_KEY))
        };
        // On the heap: it is large, and every request would carry the room for it.
        Box::pin(self.grants.try_get_with(hash, look_up)).await.map_err(|error| error.again())
    }

    /// Passes if the workspace has an active program with this id.
    async fn find_program(&self, db: &Db, workspace_id: WorkspaceId, id: ProgramId) -> Result<()> {
        let look_up = async {
            let active =
                db.read("find_program", move |conn| Box::pin(programs::is_active(conn, workspace_id, id))).await?;
            if active { Ok(()) } else { Err(no_program()) }
        };
        Box::pin(self.programs.try_get_with((workspace_id, id), look_up)).await.map_err(|error| error.again())
    }
}

fn no_program() -> Error {
    Error::not_found("The program does not exist.")
}

/// What a handler needs to be allowed to do.
pub trait Permission {
    /// The scope that the key must cover.
    const SCOPE: Scope;
    /// The lowest plan of the workspace.
    const PLAN: Plan;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $scope:ident on $plan:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Permission for $name {
            const SCOPE: Scope = Scope::$scope;
            const PLAN: Plan = Plan::$plan;
        }
    )*};
}

permissions! {
    /// Mint embed tokens.
    MintTokens = TokensWrite on Advanced;
    /// Read partners.
    ReadPartners = PartnersRead on Advanced;
    /// Enroll partners.
    WritePartners = PartnersWrite on Advanced;
    /// Read links.
    ReadLinks = LinksRead on Free;
    /// Create and change links.
    WriteLinks = LinksWrite on Free;
    /// Read the links of a partner.
    ReadPartnerLinks = LinksRead on Advanced;
    /// Create links for a partner.
    WritePartnerLinks = LinksWrite on Advanced;
    /// Read groups.
    ReadGroups = GroupsRead on Free;
    /// Create and change groups.
    WriteGroups = GroupsWrite on Free;
}

/// Who calls, and is allowed `P`.
#[derive(Debug, Clone, Copy)]
pub struct Caller<P> {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The key that was used.
    pub api_key_id: ApiKeyId,
    program_id: ProgramId,
    program_is_active: bool,
    is_bound_to_program: bool,
    permission: PhantomData<P>,
}

impl<P: Permission> Caller<P> {
    /// The tenant and the program that the request means: the one that it names, else the key's, else the
    /// workspace's default.
    ///
    /// # Errors
    /// 404 for a program that is another workspace's, inactive, or not the one that the key is limited to.
    pub async fn program(&self, app: &AppState, named: Option<ProgramRef>) -> Result<(WorkspaceId, ProgramId)> {
        let id = match named {
            None => self.program_id,
            Some(ProgramRef(named)) => named.ok_or_else(no_program)?,
        };
        if id == self.program_id {
            return if self.program_is_active { Ok((self.workspace_id, id)) } else { Err(no_program()) };
        }
        if self.is_bound_to_program {
            return Err(no_program());
        }
        app.grants.find_program(&app.db, self.workspace_id, id).await?;
        Ok((self.workspace_id, id))
    }
}

impl<P: Permission> FromRequestParts<AppState> for Caller<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let key = bearer(parts)?;
        let grant = app.grants.find(&app.db, key.hash()).await?;
        if grant.expires_at.is_some_and(|end| end <= app.clock.now()) {
            return Err(Error::unauthorized(INVALID_KEY));
        }
        if !grant.scopes.allow(P::SCOPE) {
            return Err(Error::forbidden(format!("The API key lacks the scope {}.", P::SCOPE.as_str())));
        }
        if grant.plan < P::PLAN {
            return Err(Error::forbidden(format!("This needs the {} plan or higher.", P::PLAN)));
        }
        Ok(Self {
            workspace_id: grant.workspace_id,
            api_key_id: grant.api_key_id,
            program_id: grant.program_id,
            program_is_active: grant.program_is_active,
            is_bound_to_program: grant.is_bound_to_program,
            permission: PhantomData,
        })
    }
}

fn bearer(parts: &Parts) -> Result<ApiKey> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .ok_or_else(|| Error::unauthorized("Missing API key: send it as 'Authorization: Bearer <key>'."))?;
    let (scheme, key) = header.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::unauthorized("Malformed Authorization header: send 'Authorization: Bearer <key>'."));
    }
    key.trim().parse().map_err(|_| Error::unauthorized(INVALID_KEY))
}
