//! Whether the caller may: a handler that names the permission it needs gets a tenant to query with, and a handler
//! that names none gets nothing.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use hyper::http::request::Parts;

use crate::error::{Error, Result};
use crate::http::authenticate::no_program;
use crate::id::{ApiKeyId, ProgramId, WorkspaceId};
use crate::programs::ProgramRef;
use crate::state::AppState;
use crate::workspaces::{Grant, Plan, Scope};

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

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
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
            program_id: grant.program_id,
            program_is_active: grant.program_is_active,
            is_bound_to_program: grant.is_bound_to_program,
            permission: PhantomData,
        })
    }
}
