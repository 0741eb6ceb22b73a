//! The table of steps: from which statuses each of them leads, and where. Pure.

use crate::audit_logs::Action;
use crate::enrollments::model::Status;
use crate::error::{Error, Result};
use crate::outbox::EventName;

/// What a workspace can do about where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::enrollments) enum Step {
    /// Throw the partner out.
    Ban,
    /// Lift the ban.
    Unban,
    /// Switch it off.
    Deactivate,
    /// Switch it on again.
    Reactivate,
    /// Accept its application.
    Approve,
    /// Refuse its application.
    Reject,
    /// Invite it, or renew its invitation.
    Invite,
}

impl Step {
    /// The status that the step leads to from this one. An unban leads back to the one before the ban; where that is
    /// not known the partner takes part.
    ///
    /// # Errors
    /// 400, naming the present status, when it leads nowhere from there.
    pub(in crate::enrollments) fn from(self, present: Status, banned_from: Option<Status>) -> Result<Status> {
        use Status::{Approved, Archived, Banned, Deactivated, Declined, Invited, Pending, Rejected};
        match (self, present) {
            (Self::Ban, Pending | Approved | Rejected | Invited | Declined | Deactivated | Archived) => Ok(Banned),
            (Self::Deactivate, Approved | Archived) => Ok(Deactivated),
            (Self::Unban, Banned) => Ok(banned_from.unwrap_or(Approved)),
            (Self::Reactivate, Deactivated) | (Self::Approve, Pending) => Ok(Approved),
            (Self::Reject, Pending) => Ok(Rejected),
            (Self::Invite, Invited | Declined) => Ok(Invited),
            _ => Err(refused(present, self.participle())),
        }
    }

    /// Whether every token that the partner has ends with it, and stays so when a later step undoes this one.
    pub(super) fn ends_tokens(self) -> bool {
        matches!(self, Self::Ban | Self::Deactivate | Self::Reject)
    }

    /// As it stands in the audit log.
    pub(in crate::enrollments) fn action(self) -> Action {
        match self {
            Self::Ban => Action::PartnerBanned,
            Self::Unban => Action::PartnerUnbanned,
            Self::Deactivate => Action::PartnerDeactivated,
            Self::Reactivate => Action::PartnerReactivated,
            Self::Approve => Action::PartnerApproved,
            Self::Reject => Action::PartnerRejected,
            Self::Invite => Action::PartnerInvited,
        }
    }

    /// Returns the name of the event that reports the step.
    pub(in crate::enrollments) fn event(self) -> EventName {
        match self {
            Self::Ban => EventName::PartnerBanned,
            Self::Unban => EventName::PartnerUnbanned,
            Self::Deactivate => EventName::PartnerDeactivated,
            Self::Reactivate => EventName::PartnerReactivated,
            Self::Approve => EventName::PartnerApproved,
            Self::Reject => EventName::PartnerRejected,
            Self::Invite => EventName::PartnerInvited,
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Ban => "banned",
            Self::Unban => "unbanned",
            Self::Deactivate => "deactivated",
            Self::Reactivate => "reactivated",
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Invite => "invited",
        }
    }
}

/// Passes if there is an invitation to take back.
///
/// # Errors
/// 400, naming the present status.
pub(in crate::enrollments) fn check_invited(present: Status) -> Result<()> {
    if present == Status::Invited { Ok(()) } else { Err(refused(present, "uninvited")) }
}

fn refused(present: Status, participle: &str) -> Error {
    Error::bad_request(format!("A partner with the status {} cannot be {participle}.", present.as_str()))
}
