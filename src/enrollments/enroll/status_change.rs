//! Status changes of existing enrollments.

use serde_json::{Value, json};

use super::model::{Invitation, Origin};
use crate::audit_logs::Action;
use crate::enrollments::lifecycle::Transition;
use crate::enrollments::model::{Candidate, Status, TokenAccess};
use crate::enrollments::store;
use crate::error::{Error, Result};
use crate::outbox::EventName;
use crate::values::clock::Timestamp;
use crate::work::Work;

/// The status change that a request applies to an existing enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusChange {
    /// The partner accepts the invitation: a token request does so.
    AcceptInvitation,
    /// The workspace invites the partner again.
    Invite(Invitation),
}

impl StatusChange {
    /// Returns the status change of a request that has found this enrollment. `None` leaves the status as it is.
    ///
    /// # Errors
    /// 403 and 410 for a status that forbids tokens, 400 for a status that forbids an invitation.
    pub(super) fn for_request(origin: Origin, found: &Candidate, now: Timestamp) -> Result<Option<Self>> {
        match origin {
            Origin::Token | Origin::TrustedToken => {
                Ok((found.token_access(now)? == TokenAccess::AcceptsInvitation).then_some(Self::AcceptInvitation))
            }
            Origin::Workspace => Ok(None),
            Origin::Invitation(invitation) => {
                Transition::Invite.target(found.status, None)?;
                Ok(Some(Self::Invite(invitation)))
            }
        }
    }

    /// Writes the status change.
    ///
    /// # Errors
    /// A lost race when another transaction has changed the status since the enrollment was found.
    pub(super) async fn write(self, work: &mut Work<'_>, found: &Candidate) -> Result<()> {
        let (workspace_id, id, now) = (work.actor.workspace_id, found.enrollment_id, work.now());
        let is_written = match self {
            Self::AcceptInvitation => store::accept_invitation(work.conn, workspace_id, id, now).await?,
            Self::Invite(invitation) => {
                store::renew_invitation(work.conn, workspace_id, id, found.status, invitation.expires_at).await?
            }
        };
        if is_written { Ok(()) } else { Err(Error::lost_race()) }
    }

    /// Returns the status after the change.
    pub(super) fn status(self) -> Status {
        match self {
            Self::AcceptInvitation => Status::Approved,
            Self::Invite(_) => Status::Invited,
        }
    }

    /// Returns the name of the event that reports the change.
    pub(super) fn event(self) -> EventName {
        match self {
            Self::AcceptInvitation => EventName::PartnerEnrolled,
            Self::Invite(_) => Transition::Invite.event(),
        }
    }

    /// Returns the action of the change in the audit log.
    pub(super) fn action(self) -> Action {
        match self {
            Self::AcceptInvitation => Action::PartnerAccepted,
            Self::Invite(_) => Transition::Invite.action(),
        }
    }

    /// Returns the details of the change for the audit log. `from` is `None` for a new enrollment.
    pub(super) fn details(self, from: Option<Status>) -> Value {
        let to = self.status();
        match self {
            Self::AcceptInvitation => json!({ "from": from, "to": to }),
            Self::Invite(Invitation { expires_at }) => json!({ "from": from, "to": to, "expiresAt": expires_at }),
        }
    }
}
