//! `POST /partners/invites` and `DELETE /partners/invites/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::request::InvitePartnerRequest;
use super::service::DeleteInvitation;
use crate::access::{Caller, WritePartners};
use crate::enrollments::lifecycle::ChangedPartner;
use crate::enrollments::routes::{ProgramQuery, enroll_and_show};
use crate::enrollments::{Invitation, Origin};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::surfaces::state::App;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// `POST /partners/invites`: invites a partner, or renews the invitation.
pub async fn invite_partner(
    App(app): App,
    caller: Caller<WritePartners>,
    Body(InvitePartnerRequest { partner, days, program }): Body<InvitePartnerRequest>,
) -> Result<Created<impl Serialize>> {
    let scope = caller.program(program).await?;
    let origin = Origin::Invitation(Invitation { expires_at: app.clock.now() + days.duration() });
    Ok(Created(enroll_and_show(&app, scope, origin, caller.api_key_id, partner).await?))
}

/// `DELETE /partners/invites/{id}`.
pub async fn delete_partner_invite(
    executor: Executor,
    caller: Caller<WritePartners>,
    PathId(id): PathId<PartnerId>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<ChangedPartner>> {
    let scope = caller.program(program).await?;
    let partner_id = id.ok_or_else(Error::not_enrolled)?;
    executor.run(&caller, DeleteInvitation { scope, partner_id }).await?;
    Ok(Found(ChangedPartner { partner_id }))
}
