//! `POST /partners/invites` and `DELETE /partners/invites/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::service;
use crate::access::{Caller, WritePartners};
use crate::enrollments::lifecycle::{Act, ChangedPartner};
use crate::enrollments::request::ProgramQuery;
use crate::enrollments::response::EnrolledPartner;
use crate::enrollments::{EnrollRequest, Enroller, Invitation, Origin, PartnerRequest};
use crate::error::{Error, Result};
use crate::groups::GroupRef;
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::links::LinkProps;
use crate::partners::Profile;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Bounded, Fields, FromFields, FromJson, Scope, range};
use crate::values::id::PartnerId;
use crate::work::Executor;

/// How long an invitation stands, in days.
#[derive(Debug, Clone, Copy)]
struct Days(u64);

impl Days {
    const MIN: i64 = 1;
    const MAX: i64 = 365;
    const DEFAULT: Self = Self(14);

    fn duration(self) -> Duration {
        Duration::from_hours(24 * self.0)
    }
}

impl FromJson for Days {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Some(days) = value.as_i64() else {
            scope.wrong_type("an integer");
            return None;
        };
        scope.accept(range(days, Self::MIN..=Self::MAX))?;
        u64::try_from(days).ok().map(Self)
    }
}

/// A partner to be invited.
pub struct InvitePartnerRequest {
    partner: PartnerRequest,
    days: Days,
    program: Option<ProgramRef>,
}

impl FromFields for InvitePartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email");
        let name = fields.nullable("name");
        let group = fields.nullable::<Bounded<0, { usize::MAX }>>("groupId");
        let tenant_id = fields.nullable("tenantId");
        let days = fields.optional("expiresInDays").unwrap_or(Days::DEFAULT);
        let program = fields.optional("programId");
        let profile = Profile { name, email: email?, username: None, image: None, country: None, description: None };
        let partner = PartnerRequest {
            profile,
            tenant_id,
            group: group.map(|group| GroupRef::from(group.as_str())),
            metadata: None,
            link_props: LinkProps::default(),
        };
        Some(Self { partner, days, program })
    }
}

/// `POST /partners/invites`: invites a partner, or renews its invitation.
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
    App(app): App,
    caller: Caller<WritePartners>,
    PathId(id): PathId<PartnerId>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<ChangedPartner>> {
    let act = Act::of(&caller, &app, query.program).await?;
    let partner_id = id.ok_or_else(Error::not_enrolled)?;
    let deleted = app.db.tenant(act.workspace_id).run("delete_invitation", move |conn, _| {
        let act = act.clone();
        Box::pin(async move { service::delete(conn, &act, partner_id).await })
    });
    deleted.await?;
    Ok(Found(ChangedPartner { partner_id }))
}
