//! Who calls, and whether they may: a handler that names the permission it needs gets a tenant to query with, and a
//! handler that names none gets nothing.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use crate::db::Db;
use crate::error::{Error, Result};
use crate::id::{ProgramId, WorkspaceId};
use crate::state::AppState;
use crate::workspaces::{self, ApiKey, Grant, Plan, Scope};

/// How long a key that was looked up is taken to be as it was: the time within which a revoked key, a lowered plan
/// or a changed scope is noticed.
const REMEMBER: Duration = Duration::from_secs(1);
/// Keys that are remembered at the same time.
const REMEMBERED_KEYS: u64 = 100_000;

/// One message for every key that does not work: which of the reasons it is helps only who guesses.
const INVALID_KEY: &str = "Invalid API key.";

/// The keys of the last second, so that a busy caller costs no query for its key.
pub struct GrantCache(moka::future::Cache<[u8; 32], Arc<Grant>>);

impl Default for GrantCache {
    fn default() -> Self {
        Self(moka::future::Cache::builder().max_capacity(REMEMBERED_KEYS).time_to_live(REMEMBER).build())
    }
}

impl GrantCache {
    /// What a key gives. Concurrent calls for one key ask the database once; a key that is unknown is not
    /// remembered.
    async fn find(&self, db: &Db, hash: [u8; 32]) -> Result<Arc<Grant>> {
        if let Some(grant) = self.0.get(&hash).await {
            return Ok(grant);
        }
        let look_up = async {
            let grant = db.read("find_grant", move |conn| Box::pin(workspaces::find_grant(conn, hash))).await?;
            grant.map(Arc::new).ok_or_else(|| Error::unauthorized(INVALID_KEY))
        };
        // On the heap: it is large, and every request would carry the room for it.
        Box::pin(self.0.try_get_with(hash, look_up)).await.map_err(|error| error.again())
    }
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
    /// Create links.
    WriteLinks = LinksWrite on Free;
}

/// Who calls, and is allowed `P`.
#[derive(Debug, Clone, Copy)]
pub struct Caller<P> {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The program that the request means.
    pub program_id: ProgramId,
    permission: PhantomData<P>,
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
        Ok(Self { workspace_id: grant.workspace_id, program_id: grant.program_id, permission: PhantomData })
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
