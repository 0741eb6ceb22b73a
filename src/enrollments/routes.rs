//! `POST /partners` and `GET /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use axum::extract::State;

use super::answer::{self, EnrolledPartner};
use super::enroll;
use super::request::PartnerRequest;
use super::rule::{Identity, Origin};
use crate::error::{Error, Result};
use crate::http::extract::{Body, Caller, PathId, ReadPartners, WritePartners};
use crate::http::response::{Created, Found};
use crate::id::{PartnerId, ProgramId, WorkspaceId};
use crate::state::AppState;

/// `POST /partners`: enrolls a partner, or finds the one that the request means.
pub async fn create_partner(
    State(app): State<AppState>,
    caller: Caller<WritePartners>,
    Body(request): Body<PartnerRequest>,
) -> Result<Created<impl serde::Serialize>> {
    let program = (caller.workspace_id, caller.program_id);
    let identity = Identity {
        tenant_id: request.any_tenant_id().map(|id| id.as_str().to_owned()),
        email_normalized: Some(request.profile.email.normalized().to_owned()),
        ..Identity::default()
    };
    let enrolled = enroll(&app, program, Origin::Workspace, identity, Some(request)).await?;
    Ok(Created(load(&app, program, enrolled.partner_id).await?))
}

/// `GET /partners/{id}`.
pub async fn retrieve_partner(
    State(app): State<AppState>,
    caller: Caller<ReadPartners>,
    PathId(id): PathId<PartnerId>,
) -> Result<Found<impl serde::Serialize>> {
    let id = id.ok_or_else(Error::not_enrolled)?;
    Ok(Found(load(&app, (caller.workspace_id, caller.program_id), id).await?))
}

async fn load(app: &AppState, program: (WorkspaceId, ProgramId), id: PartnerId) -> Result<EnrolledPartner> {
    let (workspace_id, program_id) = program;
    app.db.read("load_partner", move |conn| Box::pin(answer::load(conn, workspace_id, program_id, id))).await
}
