//! The transitions between the statuses of an enrollment. Pure.

use crate::audit_logs::Action;
use crate::enrollments::model::Status;
use crate::error::{Error, Result};
use crate::outbox::EventName;
use crate::validation::choices;

choices! {
    /// The reason for a ban.
    pub(in crate::enrollments) BanReason {
        /// The partner broke the program's terms.
        TosViolation = "tos_violation",
        /// The partner publishes content that is not fit to be shown.
        InappropriateContent = "inappropriate_content",
        /// The partner's visitors are not people.
        FakeTraffic = "fake_traffic",
        /// The partner cheats in another way.
        Fraud = "fraud",
        /// The partner sends unwanted messages.
        Spam = "spam",
        /// The partner poses as the brand.
        BrandAbuse = "brand_abuse",
    }
}

/// A change of an enrollment's status by the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::enrollments) enum Transition {
    Ban(BanReason),
    Unban,
    Deactivate,
    Reactivate,
    Approve,
    Reject,
    /// Invites the partner, or renews the invitation.
    Invite,
}

impl Transition {
    /// Returns the status after the transition. An unban restores the status before the ban; if that status is
    /// unknown, the enrollment becomes approved.
    ///
    /// # Errors
    /// 400, naming the present status, when the transition is not possible from that status.
    pub(in crate::enrollments) fn target(self, present: Status, banned_from: Option<Status>) -> Result<Status> {
        use Status::{Approved, Archived, Banned, Deactivated, Declined, Invited, Pending, Rejected};
        match (self, present) {
            (Self::Ban(_), Pending | Approved | Rejected | Invited | Declined | Deactivated | Archived) => Ok(Banned),
            (Self::Deactivate, Approved | Archived) => Ok(Deactivated),
            (Self::Unban, Banned) => Ok(banned_from.unwrap_or(Approved)),
            (Self::Reactivate, Deactivated) | (Self::Approve, Pending) => Ok(Approved),
            (Self::Reject, Pending) => Ok(Rejected),
            (Self::Invite, Invited | Declined) => Ok(Invited),
            _ => Err(not_possible(present, self.participle())),
        }
    }

    /// Returns whether the transition revokes every token of the partner. A later transition in the other direction
    /// does not restore the tokens.
    pub(super) fn revokes_tokens(self) -> bool {
        matches!(self, Self::Ban(_) | Self::Deactivate | Self::Reject)
    }

    /// Returns the name of the transition in the audit log.
    pub(in crate::enrollments) fn action(self) -> Action {
        match self {
            Self::Ban(_) => Action::PartnerBanned,
            Self::Unban => Action::PartnerUnbanned,
            Self::Deactivate => Action::PartnerDeactivated,
            Self::Reactivate => Action::PartnerReactivated,
            Self::Approve => Action::PartnerApproved,
            Self::Reject => Action::PartnerRejected,
            Self::Invite => Action::PartnerInvited,
        }
    }

    /// Returns the name of the event that reports the transition.
    pub(in crate::enrollments) fn event(self) -> EventName {
        match self {
            Self::Ban(_) => EventName::PartnerBanned,
            Self::Unban => EventName::PartnerUnbanned,
            Self::Deactivate => EventName::PartnerDeactivated,
            Self::Reactivate => EventName::PartnerReactivated,
            Self::Approve => EventName::PartnerApproved,
            Self::Reject => EventName::PartnerRejected,
            Self::Invite => EventName::PartnerInvited,
        }
    }

    /// Returns the reason of a ban.
    pub(super) fn ban_reason(self) -> Option<BanReason> {
        match self {
            Self::Ban(reason) => Some(reason),
            _ => None,
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Ban(_) => "banned",
            Self::Unban => "unbanned",
            Self::Deactivate => "deactivated",
            Self::Reactivate => "reactivated",
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Invite => "invited",
        }
    }
}

/// Checks that there is an invitation to withdraw.
///
/// # Errors
/// 400, naming the present status.
pub(in crate::enrollments) fn check_invited(present: Status) -> Result<()> {
    if present == Status::Invited { Ok(()) } else { Err(not_possible(present, "uninvited")) }
}

fn not_possible(present: Status, participle: &str) -> Error {
    Error::bad_request(format!("A partner with the status {} cannot be {participle}.", present.as_str()))
}
