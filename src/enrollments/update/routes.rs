//! `PATCH /partners/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use super::request::PartnerChanges;
use super::service::{self, Update};
use crate::access::{Caller, WritePartners};
use crate::enrollments::service::RetrievePartner;
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId};
use crate::http::response::Found;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Fields, FromFields};
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// Changes to a partner in a program.
pub struct UpdatePartnerRequest {
    changes: PartnerChanges,
    program: Option<ProgramRef>,
}

impl FromFields for UpdatePartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let changes = PartnerChanges::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { changes: changes?, program })
    }
}

/// `PATCH /partners/{id}`.
pub async fn update_partner(
    App(app): App,
    executor: Executor,
    caller: Caller<WritePartners>,
    PathId(id): PathId<PartnerId>,
    Body(UpdatePartnerRequest { changes, program }): Body<UpdatePartnerRequest>,
) -> Result<Found<impl serde::Serialize>> {
    let scope = caller.program(program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let partner_id = id.ok_or_else(Error::not_enrolled)?;
    if !changes.is_empty() {
        let update = Update { workspace_id, program_id, api_key_id: caller.api_key_id, partner_id, changes };
        let (ids, now, update) = (Arc::clone(&app.ids), app.clock.now(), Arc::new(update));
        app.db
            .tenant(workspace_id)
            .run("update_partner", move |conn, _| {
                let (ids, update) = (Arc::clone(&ids), Arc::clone(&update));
                Box::pin(async move { service::update_partner(conn, &ids, now, &update).await })
            })
            .await?;
    }
    executor.read(workspace_id, RetrievePartner { scope, partner_id }).await.map(Found)
}
