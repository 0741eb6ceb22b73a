//! The one way to find or make an enrollment, whichever route asks: `enroll`.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::default_links::give_default_links;
use super::enrolled::Enrolled;
use super::look_ups::find_in;
use super::rule::{self, Candidates, Decision, Identity, Invitation, Origin};
use super::status_change::Turn;
use crate::audit_logs::{self, Action, Entry};
use crate::enrollments::event::EnrollmentEvent;
use crate::enrollments::model::{Candidate, Status};
use crate::enrollments::request::PartnerRequest;
use crate::enrollments::store::{self, NewEnrollment, Seen};
use crate::error::{Error, Result};
use crate::groups;
use crate::links::{DefaultLinks, KeyBase, LinkOwner, Names, create_default_links};
use crate::outbox::{self, Event, EventName};
use crate::programs::AccessMode;
use crate::surfaces::state::AppState;
use crate::validation::Bounded;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, EnrollmentId, GroupId, Ids, PartnerId, ProgramId, WorkspaceId};

/// [`enroll`] as the workspace's own act on the command line: what an import does.
///
/// # Errors
/// As [`enroll`].
pub async fn enroll_by_workspace(app: &AppState, scope: ProgramScope, partner: PartnerRequest) -> Result<Enrolled> {
    let asked = Asked::for_partner(scope, Origin::Workspace, None, partner);
    // On the heap: it is large, and every item of a batch would carry the room for it.
    Box::pin(enroll(app, asked)).await
}

/// Who asks for the enrollment of whom.
pub struct Asked {
    /// Where.
    pub scope: ProgramScope,
    /// On whose word.
    pub origin: Origin,
    /// The key of who asks, none on the command line.
    pub api_key_id: Option<ApiKeyId>,
    /// Who the partner is.
    pub identity: Identity,
    /// What a new enrollment is made of.
    pub partner: Option<Box<PartnerRequest>>,
}

impl Asked {
    /// For a partner as a request describes it.
    #[must_use]
    pub fn for_partner(
        scope: ProgramScope,
        origin: Origin,
        api_key_id: Option<ApiKeyId>,
        partner: PartnerRequest,
    ) -> Self {
        Self { scope, origin, api_key_id, identity: partner.identity(), partner: Some(Box::new(partner)) }
    }
}

/// Finds the enrollment that an identity means, or makes it. A call that finds everything in place is one read;
/// every other call is that read and one transaction. The audit log has what it changes of an enrollment that it
/// finds; one that it makes is told of by its event.
///
/// # Errors
/// 403, 404, 409, 410 as the enrollment rule says; 503 when the database is away.
pub async fn enroll(app: &AppState, asked: Asked) -> Result<Enrolled> {
    let (call, found) = begin(app, asked).await?;
    if let Some(enrolled) = call.settled(&found)? {
        return Ok(enrolled);
    }
    let (enrolled, ()) = finish(app, call, found, |_, _| Box::pin(async { Ok(()) })).await?;
    Ok(enrolled)
}

/// [`enroll`], and what its answer shows of the enrollment: as the call has written or found it, whatever comes between.
/// Both are read in one transaction.
///
/// # Errors
/// As [`enroll`], and as `read`.
pub async fn enroll_and_read<T, R>(app: &AppState, asked: Asked, read: R) -> Result<(Enrolled, T)>
where
    R: for<'c> Fn(&'c mut PgConnection, Enrolled) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
    T: Send + 'static,
{
    let (call, found) = begin(app, asked).await?;
    finish(app, call, found, read).await
}

/// Finds what the call is about.
async fn begin(app: &AppState, asked: Asked) -> Result<(Arc<Call>, Arc<Candidates>)> {
    let Asked { scope: ProgramScope { workspace_id, program_id }, origin, api_key_id, identity, partner } = asked;
    let identity = Arc::new(identity);
    let found = app.look_ups.find(ProgramScope { workspace_id, program_id }, Arc::clone(&identity)).await?;
    let now = app.clock.now();
    let ids = Arc::clone(&app.ids);
    let mut call = Call { ids, now, workspace_id, program_id, origin, api_key_id, identity, partner };
    if call.decide(&found)? == Decision::Create {
        call.hash_password().await?;
    }
    Ok((Arc::new(call), Arc::new(found)))
}

/// Writes what there is to write, and reads the enrollment after it.
async fn finish<T, R>(app: &AppState, call: Arc<Call>, found: Arc<Candidates>, read: R) -> Result<(Enrolled, T)>
where
    R: for<'c> Fn(&'c mut PgConnection, Enrolled) -> BoxFuture<'c, Result<T>> + Send + Sync + 'static,
    T: Send + 'static,
{
    let read = Arc::new(read);
    app.db
        .tenant(call.workspace_id)
        .run("enroll", move |conn, attempt| {
            let (call, mut found, read) = (Arc::clone(&call), Arc::clone(&found), Arc::clone(&read));
            Box::pin(async move {
                // What was read before the transaction is only good for a first try: the constraints refuse
                // whatever another transaction has changed since.
                if attempt > 0 {
                    found = Arc::new(call.find_in(conn).await?);
                }
                let enrolled = call.apply(conn, &found).await?;
                let shown = read(conn, enrolled).await?;
                // Where nothing was written nothing is locked, either.
                if call.settled(&found)?.is_some() && call.find_in(conn).await? != *found {
                    return Err(Error::lost_race());
                }
                Ok((enrolled, shown))
            })
        })
        .await
}

/// One request for an enrollment.
struct Call {
    ids: Arc<Ids>,
    now: Timestamp,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    origin: Origin,
    api_key_id: Option<ApiKeyId>,
    identity: Arc<Identity>,
    partner: Option<Box<PartnerRequest>>,
}

impl Call {
    fn scope(&self) -> ProgramScope {
        ProgramScope { workspace_id: self.workspace_id, program_id: self.program_id }
    }

    /// What the call is about, in its transaction.
    async fn find_in(&self, conn: &mut PgConnection) -> Result<Candidates> {
        find_in(conn, self.scope(), &self.identity).await
    }

    fn decide<'f>(&self, found: &'f Candidates) -> Result<Decision<'f>> {
        rule::decide(self.origin, &self.identity, self.partner.is_some(), found)
    }

    /// The enrollment that was found, if there is nothing to write.
    fn settled(&self, found: &Candidates) -> Result<Option<Enrolled>> {
        let Decision::Use(found) = self.decide(found)? else { return Ok(None) };
        let settled = self.turn(found)?.is_none() && !self.ends_tokens() && !found.lacks_default_links;
        Ok(settled.then(|| found.into()))
    }

    fn turn(&self, found: &Candidate) -> Result<Option<Turn>> {
        Turn::of(self.origin, found, self.now)
    }

    /// Whether the call ends the earlier tokens of the enrollment and replaces what the customer keeps with it.
    fn ends_tokens(&self) -> bool {
        match self.origin {
            Origin::TrustedToken => true,
            Origin::Token | Origin::Workspace | Origin::Invitation(_) => false,
        }
    }

    /// Replaces the password of the links by its hash, outside of any transaction.
    async fn hash_password(&mut self) -> Result<()> {
        match &mut self.partner {
            Some(partner) => partner.link_props.settings.hash_password(&self.ids).await,
            None => Ok(()),
        }
    }

    async fn apply(&self, conn: &mut PgConnection, found: &Candidates) -> Result<Enrolled> {
        match self.decide(found)? {
            Decision::Use(enrollment) => self.settle(conn, enrollment, Vec::new()).await,
            Decision::Bind(enrollment) => self.bind(conn, enrollment).await,
            Decision::Create => self.create(conn, found.known_partner).await,
        }
    }

    /// Brings an enrollment that was found up to date; these members of it were changed before. Order of writes:
    /// enrollment, links, outbox, audit log.
    async fn settle(
        &self,
        conn: &mut PgConnection,
        found: &Candidate,
        mut changed: Vec<&'static str>,
    ) -> Result<Enrolled> {
        let turn = self.turn(found)?;
        if let Some(turn) = turn {
            turn.write(conn, self.workspace_id, found, self.now).await?;
        }
        let mut enrolled = Enrolled { status: turn.map_or(found.status, Turn::status), ..Enrolled::from(found) };
        if self.ends_tokens() {
            let metadata = self.partner.as_ref().and_then(|partner| partner.metadata.as_ref());
            let seen = Seen { id: found.enrollment_id, tenant_id: found.tenant_id.as_deref(), status: enrolled.status };
            let ended =
                store::end_tokens(conn, self.workspace_id, seen, metadata).await?.ok_or_else(Error::lost_race)?;
            enrolled.token_epoch = ended.token_epoch;
            changed.extend(ended.replaces_metadata.then_some("metadata"));
        }
        if found.lacks_default_links {
            give_default_links(conn, &self.ids, self.now, self.workspace_id, found.enrollment_id).await?;
        }
        if let Some(turn) = turn {
            let ids = (found.enrollment_id, found.partner_id, found.group_id);
            let payload = self.event(ids, found.tenant_id.as_deref(), turn.status()).payload();
            let event = Event { name: turn.event(), payload };
            outbox::insert_event(conn, self.workspace_id, self.ids.next(self.now), &event, self.now).await?;
        }
        if !changed.is_empty() {
            self.log(conn, found.partner_id, (Action::PartnerUpdated, json!({ "changed": changed }))).await?;
        }
        if let Some(turn) = turn {
            self.log(conn, found.partner_id, turn.entry(Some(found.status))).await?;
        }
        if self.ends_tokens() {
            let details = json!({ "tokenEpoch": enrolled.token_epoch });
            self.log(conn, found.partner_id, (Action::TokensRevoked, details)).await?;
        }
        Ok(enrolled)
    }

    async fn bind(&self, conn: &mut PgConnection, found: &Candidate) -> Result<Enrolled> {
        // A status that forbids what is asked for also forbids to change anything for it.
        self.turn(found)?;
        let tenant_id = self.identity.tenant_id.clone();
        let bound = tenant_id.as_deref().unwrap_or_default();
        if !store::update_tenant_id(conn, self.workspace_id, self.program_id, found, bound).await? {
            return Err(Error::lost_race());
        }
        self.settle(conn, &Candidate { tenant_id, ..found.clone() }, vec!["tenantId"]).await
    }

    async fn create(&self, conn: &mut PgConnection, known_partner: Option<PartnerId>) -> Result<Enrolled> {
        let partner = self.partner.as_ref().ok_or_else(Error::not_enrolled)?;
        if partner.link_props.settings.has_plain_password() {
            // There was an enrollment when the call began, so that nothing was hashed. The client's next try is.
            return Err(Error::unavailable("the enrollment went away during the call"));
        }
        let group = partner.group.as_ref();
        let terms = groups::find_enrollment_terms(
            conn,
            ProgramScope { workspace_id: self.workspace_id, program_id: self.program_id },
            group,
        )
        .await?
        .ok_or_else(|| Error::not_found("The group was not found."))?;
        let status = match (self.origin, terms.access_mode) {
            (Origin::Invitation(_), _) => Status::Invited,
            (Origin::Workspace, _) | (Origin::Token | Origin::TrustedToken, AccessMode::Public) => Status::Approved,
            (Origin::Token | Origin::TrustedToken, AccessMode::Private) => Status::Pending,
            (Origin::Token | Origin::TrustedToken, AccessMode::Invite) => {
                return Err(Error::forbidden("Only invited partners can join this program."));
            }
        };
        let enrollment_id = self.ids.next(self.now);
        let partner_id = known_partner.unwrap_or_else(|| self.ids.next(self.now));
        let tenant_id = self.identity.tenant_id.as_deref();
        let event = self.event((enrollment_id, partner_id, terms.group_id), tenant_id, status).payload();
        let invitation = self.invitation();
        let new = NewEnrollment {
            workspace_id: self.workspace_id,
            program_id: self.program_id,
            id: enrollment_id,
            partner_id,
            partner_exists: known_partner.is_some(),
            profile: &partner.profile,
            group_id: terms.group_id,
            group_version: terms.group_version,
            tenant_id,
            status,
            application_id: (status == Status::Pending).then(|| self.ids.next(self.now)),
            metadata: partner.metadata.as_ref(),
            invite_expires_at: invitation.map(|invitation| invitation.expires_at),
            event_id: self.ids.next(self.now),
            event_name: invitation
                .map_or(EventName::PartnerEnrolled, |invitation| Turn::Invite(invitation).event())
                .as_str(),
            event: &event,
        };
        if !store::insert_enrollment(conn, &new, self.now).await? {
            return Err(Error::lost_race());
        }
        let names = Names {
            username: partner.profile.username.as_ref().map(Bounded::as_str),
            name: partner.profile.name.as_ref().map(Bounded::as_str),
            email: partner.profile.email.display(),
        };
        let links = DefaultLinks {
            owner: LinkOwner { workspace_id: self.workspace_id, program_id: self.program_id, partner_id },
            owner_is_new: true,
            domain_id: terms.domain_id,
            tenant_id,
            wanted: &terms.default_links,
            base: &KeyBase::derive(&names, partner.link_props.prefix.as_ref(), &self.ids),
            props: &partner.link_props,
        };
        create_default_links(conn, &self.ids, self.now, &links).await?;
        if let Some(invitation) = invitation {
            self.log(conn, partner_id, Turn::Invite(invitation).entry(None)).await?;
        }
        let token_lifetime_seconds = terms.token_lifetime_seconds;
        Ok(Enrolled { enrollment_id, partner_id, status, token_epoch: 0, token_lifetime_seconds, is_new: true })
    }

    fn invitation(&self) -> Option<Invitation> {
        match self.origin {
            Origin::Invitation(invitation) => Some(invitation),
            Origin::Token | Origin::TrustedToken | Origin::Workspace => None,
        }
    }

    /// An entry of the audit log about the partner.
    async fn log(
        &self,
        conn: &mut PgConnection,
        partner_id: PartnerId,
        (action, details): (Action, Value),
    ) -> Result<()> {
        let entry = Entry {
            workspace_id: self.workspace_id,
            program_id: self.program_id,
            api_key_id: self.api_key_id,
            action,
            target: &partner_id.to_string(),
            details,
        };
        audit_logs::insert_entry(conn, &self.ids, self.now, &entry).await
    }

    fn event<'a>(
        &self,
        (enrollment_id, partner_id, group_id): (EnrollmentId, PartnerId, GroupId),
        tenant_id: Option<&'a str>,
        status: Status,
    ) -> EnrollmentEvent<'a> {
        EnrollmentEvent {
            enrollment_id,
            partner_id,
            program_id: self.program_id,
            group_id,
            tenant_id,
            status,
            invite_expires_at: self.invitation().map(|invitation| invitation.expires_at),
        }
    }
}
