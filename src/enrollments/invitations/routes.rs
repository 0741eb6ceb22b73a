//! `POST /partners/invites` and `DELETE /partners/invites/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::request::InvitePartnerRequest;
use super::service::DeleteInvitation;
use crate::access::{Caller, WritePartners};
use crate::enrollments::lifecycle::ChangedPartner;
use crate::enrollments::response::EnrolledPartner;
use crate::enrollments::{EnrollRequest, Enroller, Invitation, Origin};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::programs::ProgramQuery;
use crate::values::id::PartnerId;
use crate::work::Executor;

/// `POST /partners/invites`: invites a partner, or renews the invitation.
pub async fn invite_partner(
    executor: Executor,
    enroller: Enroller,
    caller: Caller<WritePartners>,
    Body(InvitePartnerRequest { partner, days, program }): Body<InvitePartnerRequest>,
) -> Result<Created<impl Serialize>> {
    let scope = caller.program(program).await?;
    let origin = Origin::Invitation(Invitation { expires_at: executor.now() + days.duration() });
    let request = EnrollRequest::for_partner(scope, origin, partner);
    enroller.enroll_and_read::<EnrolledPartner>(&caller, request).await.map(Created)
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
