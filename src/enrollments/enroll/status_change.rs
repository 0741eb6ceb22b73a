//! What a call does about where an enrollment stands that it found.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::rule::{Invitation, Origin};
use crate::audit_logs::Action;
use crate::enrollments::lifecycle::Transition;
use crate::enrollments::model::{Candidate, Status, TokenAccess};
use crate::enrollments::store;
use crate::error::{Error, Result};
use crate::outbox::EventName;
use crate::values::clock::Timestamp;
use crate::values::id::WorkspaceId;

/// A change of the status that comes with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The partner accepts its invitation: whoever comes for a token does.
    Accept,
    /// The workspace invites the partner again.
    Invite(Invitation),
}

impl Turn {
    /// Of a call that found this enrollment; `None` leaves the status as it is.
    ///
    /// # Errors
    /// 403 and 410 for a status that forbids a token, 400 for one that forbids an invitation.
    pub(super) fn of(origin: Origin, found: &Candidate, now: Timestamp) -> Result<Option<Self>> {
        match origin {
            Origin::Token | Origin::TrustedToken => {
                Ok((found.token_access(now)? == TokenAccess::AcceptsInvitation).then_some(Self::Accept))
            }
            Origin::Workspace => Ok(None),
            Origin::Invitation(invitation) => {
                Transition::Invite.target(found.status, None)?;
                Ok(Some(Self::Invite(invitation)))
            }
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// Asks to be tried again when another transaction has changed the status since.
    pub(super) async fn write(
        self,
        conn: &mut PgConnection,
        workspace_id: WorkspaceId,
        found: &Candidate,
        now: Timestamp,
    ) -> Result<()> {
        let (id, seen) = (found.enrollment_id, found.status);
        let written = match self {
            Self::Accept => store::accept_invitation(conn, workspace_id, id, now).await?,
            Self::Invite(invitation) => {
                store::renew_invitation(conn, workspace_id, id, seen, invitation.expires_at).await?
            }
        };
        if written { Ok(()) } else { Err(Error::lost_race()) }
    }

    /// The status that it leads to.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Accept => Status::Approved,
            Self::Invite(_) => Status::Invited,
        }
    }

    /// The event that tells of it.
    pub(super) fn event(self) -> EventName {
        match self {
            Self::Accept => EventName::PartnerEnrolled,
            Self::Invite(_) => Transition::Invite.event(),
        }
    }

    /// As it stands in the audit log; `from` is none for who was not enrolled.
    pub(super) fn entry(self, from: Option<Status>) -> (Action, Value) {
        let to = self.status();
        match self {
            Self::Accept => (Action::PartnerAccepted, json!({ "from": from, "to": to })),
            Self::Invite(Invitation { expires_at }) => {
                (Transition::Invite.action(), json!({ "from": from, "to": to, "expiresAt": expires_at }))
            }
        }
    }
}
