//! `POST /partners` and `GET /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::answer::{self, EnrolledPartner};
use super::enroll::{Asked, enroll_and_read};
use super::request::{CreatePartnerRequest, PartnerRequest};
use super::rule::Origin;
use crate::error::{Error, Result};
use crate::http::extract::{App, Body, Caller, PathId, Query, ReadPartners, WritePartners};
use crate::http::response::{Created, Found};
use crate::id::{ApiKeyId, PartnerId, ProgramId, WorkspaceId};
use crate::programs::ProgramRef;
use crate::state::AppState;
use crate::validation::{Fields, FromFields};

/// A query that may name a program.
pub struct ProgramQuery {
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ProgramQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("programId") })
    }
}

/// `POST /partners`: enrolls a partner, or finds the one that the request means.
pub async fn create_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(CreatePartnerRequest { program, partner }): Body<CreatePartnerRequest>,
) -> Result<Created<impl serde::Serialize>> {
    let program = caller.program(&app, program).await?;
    Ok(Created(create(&app, program, caller.api_key_id, partner).await?))
}

/// `GET /partners/{id}`.
pub async fn retrieve_partner(
    App(app): App,
    caller: Caller<ReadPartners>,
    PathId(id): PathId<PartnerId>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl serde::Serialize>> {
    let program = caller.program(&app, query.program).await?;
    let id = id.ok_or_else(Error::not_enrolled)?;
    Ok(Found(load(&app, program, id).await?))
}

/// What `POST /partners` does, for one partner.
pub(super) async fn create(
    app: &AppState,
    program: (WorkspaceId, ProgramId),
    api_key_id: ApiKeyId,
    partner: PartnerRequest,
) -> Result<EnrolledPartner> {
    enroll_and_show(app, program, Origin::Workspace, api_key_id, partner).await
}

/// Enrolls a partner and shows the enrollment whole.
pub(super) async fn enroll_and_show(
    app: &AppState,
    program: (WorkspaceId, ProgramId),
    origin: Origin,
    api_key_id: ApiKeyId,
    partner: PartnerRequest,
) -> Result<EnrolledPartner> {
    let (workspace_id, program_id) = program;
    let asked = Asked::for_partner(program, origin, Some(api_key_id), partner);
    let enrolled = enroll_and_read(app, asked, move |conn, enrolled| {
        Box::pin(answer::load(conn, workspace_id, program_id, enrolled.partner_id))
    });
    // On the heap: it is large, and every item of a batch would carry the room for it.
    let (_, shown) = Box::pin(enrolled).await?;
    Ok(shown)
}

/// The answer that shows an enrollment whole.
pub(super) async fn load(app: &AppState, program: (WorkspaceId, ProgramId), id: PartnerId) -> Result<EnrolledPartner> {
    let (workspace_id, program_id) = program;
    app.db
        .tenant(workspace_id)
        .read("load_partner", move |conn| Box::pin(answer::load(conn, workspace_id, program_id, id)))
        .await
}
