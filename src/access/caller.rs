//! Callers with a permission. A handler names the permission that it needs and gets a tenant to work with; a handler
//! without a permission gets no tenant.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use hyper::http::request::Parts;

use super::authenticate::{Access, no_program};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::http::extract::request_db;
use crate::programs::ProgramRef;
use crate::values::ProgramScope;
use crate::values::id::{ApiKeyId, WorkspaceId};
use crate::workspaces::{Grant, Plan, Scope};

/// A permission that a handler needs.
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

/// An authenticated caller who is allowed `P`.
pub struct Caller<P> {
    pub workspace_id: WorkspaceId,
    /// The key of the request.
    pub api_key_id: ApiKeyId,
    grant: Arc<Grant>,
    access: Access,
    /// The transaction that spans the request, if there is one.
    request_db: Option<Db>,
    permission: PhantomData<P>,
}

impl<P> Clone for Caller<P> {
    fn clone(&self) -> Self {
        Self {
            workspace_id: self.workspace_id,
            api_key_id: self.api_key_id,
            grant: Arc::clone(&self.grant),
            access: self.access.clone(),
            request_db: self.request_db.clone(),
            permission: PhantomData,
        }
    }
}

impl<P: Permission> Caller<P> {
    /// Returns the program of the request: the named program, else the key's program, else the workspace's default.
    ///
    /// # Errors
    /// 404 for a program of another workspace, for an inactive program, and for a program outside of the key's limit.
    pub async fn program(&self, named: Option<ProgramRef>) -> Result<ProgramScope> {
        let program_id = match named {
            None => self.grant.program_id,
            Some(ProgramRef(named)) => named.ok_or_else(no_program)?,
        };
        let scope = ProgramScope { workspace_id: self.workspace_id, program_id };
        if program_id == self.grant.program_id {
            return if self.grant.program_is_active { Ok(scope) } else { Err(no_program()) };
        }
        if self.grant.is_bound_to_program {
            return Err(no_program());
        }
        // Uses the request's transaction, if there is one: a request that holds one session and waits for a second
        // could wait forever on a full pool.
        self.access.check_program(self.request_db.as_ref().unwrap_or(self.access.db()), scope).await?;
        Ok(scope)
    }
}

impl<S, P> FromRequestParts<S> for Caller<P>
where
    S: Send + Sync,
    P: Permission,
    Access: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let grant =
            parts.extensions.get::<Arc<Grant>>().ok_or_else(|| Error::internal("a route outside of `guard`"))?;
        if !grant.scopes.allow(P::SCOPE) {
            return Err(Error::forbidden(format!("The API key lacks the scope {}.", P::SCOPE.as_str())));
        }
        if grant.plan < P::PLAN {
            return Err(Error::forbidden(format!("This needs the {} plan or higher.", P::PLAN)));
        }
        Ok(Self {
            workspace_id: grant.workspace_id,
            api_key_id: grant.api_key_id,
            grant: Arc::clone(grant),
            access: Access::from_ref(state),
            request_db: request_db(parts),
            permission: PhantomData,
        })
    }
}
