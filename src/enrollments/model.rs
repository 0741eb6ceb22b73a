//! The state of an enrollment.

use crate::error::{Error, Result};
use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, GroupId, PartnerId};

/// Where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Waits for a review.
    Pending,
    /// Takes part.
    Approved,
    /// Was refused by a review.
    Rejected,
    /// Was invited and has not come yet.
    Invited,
    /// Has refused the invitation.
    Declined,
    /// Was switched off.
    Deactivated,
    /// Was thrown out.
    Banned,
    /// Was put away; still takes part.
    Archived,
}

impl Status {
    /// Whether a token that was minted before still works.
    #[must_use]
    pub fn keeps_tokens(self) -> bool {
        matches!(self, Self::Approved | Self::Archived | Self::Pending)
    }

    /// As answers and the database spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Invited => "invited",
            Self::Declined => "declined",
            Self::Deactivated => "deactivated",
            Self::Banned => "banned",
            Self::Archived => "archived",
        }
    }
}

impl Text for Status {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        Ok(match text {
            "pending" => Self::Pending,
            "approved" => Self::Approved,
            "rejected" => Self::Rejected,
            "invited" => Self::Invited,
            "declined" => Self::Declined,
            "deactivated" => Self::Deactivated,
            "banned" => Self::Banned,
            "archived" => Self::Archived,
            _ => {
                return Err(Invalid::new(
                    ProblemCode::InvalidValue,
                    "Must be pending, approved, rejected, invited, declined, deactivated, banned or archived",
                ));
            }
        })
    }
}

/// Whether an enrollment may have a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAccess {
    /// It may.
    Granted,
    /// It may once it has become approved: the call accepts the invitation.
    AcceptsInvitation,
}

/// What is known of an existing enrollment when a request comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub enrollment_id: EnrollmentId,
    /// Its partner.
    pub partner_id: PartnerId,
    /// Its group.
    pub group_id: GroupId,
    /// The partner's id in the customer's system.
    pub tenant_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// The epoch of tokens that are minted now.
    pub token_epoch: i32,
    /// When its invitation lapses.
    pub invite_expires_at: Option<Timestamp>,
    /// Of the program's tokens.
    pub token_lifetime_seconds: i32,
    /// Whether its group has a default link that it lacks.
    pub lacks_default_links: bool,
}

impl Candidate {
    /// Whether the enrollment may have a token at this time.
    ///
    /// # Errors
    /// 403 for a status that forbids it, 410 for an invitation that has lapsed.
    pub fn token_access(&self, now: Timestamp) -> Result<TokenAccess> {
        match self.status {
            Status::Approved | Status::Archived | Status::Pending => Ok(TokenAccess::Granted),
            Status::Invited if self.invite_expires_at.is_some_and(|lapses| lapses > now) => {
                Ok(TokenAccess::AcceptsInvitation)
            }
            Status::Invited => Err(Error::invite_expired()),
            Status::Rejected => Err(Error::forbidden("The partner's application was rejected.")),
            Status::Declined => Err(Error::forbidden("The partner has declined the invitation.")),
            Status::Banned => Err(Error::forbidden("The partner is banned from this program.")),
            Status::Deactivated => Err(Error::forbidden("The partner is deactivated in this program.")),
        }
    }
}
