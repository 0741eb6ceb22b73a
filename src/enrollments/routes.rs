//! `POST /partners` and `GET /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::enroll::Origin;
use super::enroll::{Asked, enroll_and_read};
use super::request::{CreatePartnerRequest, PartnerRequest};
use super::response::{self, EnrolledPartner};
use crate::access::{Caller, ReadPartners, WritePartners};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::surfaces::state::AppState;
use crate::validation::{Fields, FromFields};
use crate::values::ProgramScope;
use crate::values::id::{ApiKeyId, PartnerId};

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
    let scope = caller.program(program).await?;
    Ok(Created(create(&app, scope, caller.api_key_id, partner).await?))
}

/// `GET /partners/{id}`.
pub async fn retrieve_partner(
    App(app): App,
    caller: Caller<ReadPartners>,
    PathId(id): PathId<PartnerId>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl serde::Serialize>> {
    let scope = caller.program(query.program).await?;
    let id = id.ok_or_else(Error::not_enrolled)?;
    Ok(Found(load(&app, scope, id).await?))
}

/// What `POST /partners` does, for one partner.
pub(super) async fn create(
    app: &AppState,
    scope: ProgramScope,
    api_key_id: ApiKeyId,
    partner: PartnerRequest,
) -> Result<EnrolledPartner> {
    enroll_and_show(app, scope, Origin::Workspace, api_key_id, partner).await
}

/// Enrolls a partner and shows the enrollment whole.
pub(super) async fn enroll_and_show(
    app: &AppState,
    scope: ProgramScope,
    origin: Origin,
    api_key_id: ApiKeyId,
    partner: PartnerRequest,
) -> Result<EnrolledPartner> {
    let ProgramScope { workspace_id, program_id } = scope;
    let asked = Asked::for_partner(scope, origin, Some(api_key_id), partner);
    let enrolled = enroll_and_read(app, asked, move |conn, enrolled| {
        Box::pin(response::load(conn, workspace_id, program_id, enrolled.partner_id))
    });
    // On the heap: it is large, and every item of a batch would carry the room for it.
    let (_, shown) = Box::pin(enrolled).await?;
    Ok(shown)
}

/// The answer that shows an enrollment whole.
pub(super) async fn load(app: &AppState, scope: ProgramScope, id: PartnerId) -> Result<EnrolledPartner> {
    let ProgramScope { workspace_id, program_id } = scope;
    app.db
        .tenant(workspace_id)
        .read("load_partner", move |conn| Box::pin(response::load(conn, workspace_id, program_id, id)))
        .await
}
