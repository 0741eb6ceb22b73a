//! Carrying out the plan of the enrollment rule.

use std::marker::PhantomData;

use serde_json::json;

use super::default_links::give_default_links;
use super::lookups::find_candidates;
use super::model::{EnrollRequest, Enrolled, EnrollmentView};
use super::rule::{self, Plan, Update};
use super::status_change::StatusChange;
use crate::audit_logs::Action;
use crate::enrollments::event::EnrollmentEvent;
use crate::enrollments::model::{Candidates, Status};
use crate::enrollments::request::PartnerRequest;
use crate::enrollments::store::{self, ExpectedState, NewEnrollment};
use crate::error::{Error, Result};
use crate::groups;
use crate::links::{DefaultLinkBatch, DefaultLinks, KeyBase, LinkOwner, Names};
use crate::outbox::{Event, EventName};
use crate::validation::Bounded;
use crate::values::clock::Timestamp;
use crate::values::id::{GroupId, PartnerId};
use crate::work::{Command, Work};

/// Carries out an enrollment request and reads a view of the enrollment.
pub(super) struct Enroll<V> {
    request: EnrollRequest,
    first: Attempt,
    view: PhantomData<fn() -> V>,
}

/// The plan of one attempt, and the candidates from which the plan was made.
pub(super) struct Attempt {
    candidates: Candidates,
    pub(super) plan: Plan,
}

impl Attempt {
    /// Plans an attempt.
    ///
    /// # Errors
    /// The errors of the enrollment rule.
    pub(super) fn plan(request: &EnrollRequest, candidates: Candidates, now: Timestamp) -> Result<Self> {
        Ok(Self { plan: rule::plan(request, &candidates, now)?, candidates })
    }
}

impl<V: EnrollmentView> Enroll<V> {
    /// Binds a request to its first attempt, which was planned before the transaction.
    pub(super) fn new(request: EnrollRequest, first: Attempt) -> Self {
        Self { request, first, view: PhantomData }
    }

    async fn attempt(&self, work: &mut Work<'_>, Attempt { candidates, plan }: &Attempt) -> Result<V> {
        let request = &self.request;
        let enrolled = match plan {
            Plan::Nothing(enrolled) => *enrolled,
            Plan::Update(update) => update_enrollment(work, request, update).await?,
            Plan::Create { known_partner } => create_enrollment(work, request, *known_partner).await?,
        };
        let view = V::read(work.conn, request.scope, enrolled).await?;
        // An attempt that has written nothing has locked nothing, either: the view may be newer than the plan.
        if let Plan::Nothing(_) = plan
            && find_candidates(work.conn, request.scope, &request.identity).await? != *candidates
        {
            return Err(Error::lost_race());
        }
        Ok(view)
    }
}

impl<V: EnrollmentView> Command for Enroll<V> {
    const NAME: &'static str = "enroll";
    type Output = V;

    async fn apply(&self, work: &mut Work<'_>) -> Result<V> {
        if work.attempt == 0 {
            // Only the first attempt uses candidates that were read before the transaction. If another transaction has
            // changed the enrollment since, a constraint or a condition refuses the write.
            return self.attempt(work, &self.first).await;
        }
        let candidates = find_candidates(work.conn, self.request.scope, &self.request.identity).await?;
        let again = Attempt::plan(&self.request, candidates, work.now())?;
        self.attempt(work, &again).await
    }
}

/// Changes an existing enrollment. Order of writes: enrollment, links, outbox, audit log.
async fn update_enrollment(work: &mut Work<'_>, request: &EnrollRequest, update: &Update) -> Result<Enrolled> {
    let Update { found, bind_tenant_id, status_change, .. } = update;
    let (workspace_id, program_id) = (request.scope.workspace_id, request.scope.program_id);
    let mut enrolled = Enrolled::from(found);
    let mut changed = Vec::new();
    if let Some(tenant_id) = bind_tenant_id {
        if !store::update_tenant_id(work.conn, request.scope, found, tenant_id).await? {
            return Err(Error::lost_race());
        }
        changed.push("tenantId");
    }
    let tenant_id = bind_tenant_id.as_deref().or(found.tenant_id.as_deref());
    if let Some(change) = status_change {
        change.write(work, found).await?;
        enrolled.status = change.status();
    }
    if update.revoke_tokens {
        let metadata = request.partner.as_ref().and_then(|partner| partner.metadata.as_ref());
        let expected = ExpectedState { id: found.enrollment_id, tenant_id, status: enrolled.status };
        let revoked = store::revoke_tokens(work.conn, workspace_id, expected, metadata).await?;
        let revoked = revoked.ok_or_else(Error::lost_race)?;
        enrolled.token_epoch = revoked.token_epoch;
        changed.extend(revoked.replaces_metadata.then_some("metadata"));
    }
    if update.default_links {
        give_default_links(work, found.enrollment_id).await?;
    }
    if let Some(change) = status_change {
        let payload = event(request, &enrolled, found.group_id, tenant_id).payload();
        work.publish(&Event { name: change.event(), payload }).await?;
    }
    if !changed.is_empty() {
        work.audit(program_id, Action::PartnerUpdated, found.partner_id, json!({ "changed": changed })).await?;
    }
    if let Some(change) = status_change {
        work.audit(program_id, change.action(), found.partner_id, change.details(Some(found.status))).await?;
    }
    if update.revoke_tokens {
        let details = json!({ "tokenEpoch": enrolled.token_epoch });
        work.audit(program_id, Action::TokensRevoked, found.partner_id, details).await?;
    }
    Ok(enrolled)
}

/// Creates an enrollment with its default links, and the partner unless the partner is known.
async fn create_enrollment(
    work: &mut Work<'_>,
    request: &EnrollRequest,
    known_partner: Option<PartnerId>,
) -> Result<Enrolled> {
    let PartnerRequest { profile, group, metadata, link_props, .. } =
        request.partner.as_deref().ok_or_else(Error::not_enrolled)?;
    if link_props.settings.has_plain_password() {
        // The first attempt found an enrollment, so the password was not hashed. The client's next request hashes the
        // password.
        return Err(Error::unavailable("the enrollment was deleted during the request"));
    }
    let (scope, tenant_id) = (request.scope, request.identity.tenant_id.as_deref());
    let terms = groups::find_enrollment_terms(work.conn, scope, group.as_ref())
        .await?
        .ok_or_else(|| Error::not_found("The group was not found."))?;
    let enrolled = Enrolled {
        enrollment_id: work.next_id(),
        partner_id: known_partner.unwrap_or_else(|| work.next_id()),
        status: rule::initial_status(request.origin, terms.access_mode)?,
        token_epoch: 0,
        token_lifetime_seconds: terms.token_lifetime_seconds,
        is_new: true,
    };
    let Enrolled { enrollment_id, partner_id, status, .. } = enrolled;
    let invitation = request.origin.invitation().map(StatusChange::Invite);
    let event_name = invitation.map_or(EventName::PartnerEnrolled, StatusChange::event);
    let event = event(request, &enrolled, terms.group_id, tenant_id);
    let now = work.now();
    let new = NewEnrollment {
        scope,
        id: enrollment_id,
        partner_id,
        partner_exists: known_partner.is_some(),
        profile,
        group_id: terms.group_id,
        group_version: terms.group_version,
        tenant_id,
        status,
        application_id: (status == Status::Pending).then(|| work.next_id()),
        metadata: metadata.as_ref(),
        invite_expires_at: event.invite_expires_at,
        event_id: work.next_id(),
        event_name: event_name.as_str(),
        event: &event.payload(),
    };
    let names = Names {
        username: profile.username.as_ref().map(Bounded::as_str),
        name: profile.name.as_ref().map(Bounded::as_str),
        email: profile.email.display(),
    };
    let links = DefaultLinks {
        owner: LinkOwner { workspace_id: scope.workspace_id, program_id: scope.program_id, partner_id },
        domain_id: terms.domain_id,
        tenant_id,
        wanted: &terms.default_links,
        base: &KeyBase::derive(&names, link_props.prefix.as_ref(), work.ids()),
        props: link_props,
    };
    let batch = DefaultLinkBatch::of_new_partner(work, &links).await?;
    let inserted = store::insert_enrollment(work.conn, &new, links.domain_id, &batch, now).await?;
    batch.complete(work, inserted.ok_or_else(Error::lost_race)?).await?;
    if let Some(invitation) = invitation {
        work.audit(scope.program_id, invitation.action(), partner_id, invitation.details(None)).await?;
    }
    Ok(enrolled)
}

/// Returns the event data about an enrollment after the request.
fn event<'a>(
    request: &EnrollRequest,
    enrolled: &Enrolled,
    group_id: GroupId,
    tenant_id: Option<&'a str>,
) -> EnrollmentEvent<'a> {
    EnrollmentEvent {
        enrollment_id: enrolled.enrollment_id,
        partner_id: enrolled.partner_id,
        program_id: request.scope.program_id,
        group_id,
        tenant_id,
        status: enrolled.status,
        invite_expires_at: request.origin.invitation().map(|invitation| invitation.expires_at),
    }
}
