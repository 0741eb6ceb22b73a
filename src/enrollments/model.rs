//! The state of an enrollment, and the identities by which enrollments are found.

use sqlx::types::Json;

use crate::error::{Error, Result};
use crate::partners::Metadata;
use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::clock::Timestamp;
use crate::values::id::{ApplicationId, EnrollmentId, GroupId, PartnerId, ProgramId};

/// The status of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// The application waits for a review.
    Pending,
    /// The partner takes part.
    Approved,
    /// The application was rejected.
    Rejected,
    /// The invitation is open.
    Invited,
    /// The partner has declined the invitation.
    Declined,
    /// The partner was deactivated.
    Deactivated,
    /// The partner was banned.
    Banned,
    /// The partner was archived and still takes part.
    Archived,
}

impl Status {
    /// Returns whether tokens that were minted earlier still work.
    #[must_use]
    pub fn keeps_tokens(self) -> bool {
        matches!(self, Self::Approved | Self::Archived | Self::Pending)
    }

    /// Returns the name in answers and in the database.
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

/// The identity of the partner that a request is about.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// True if the request names a partner by an id, valid or invalid.
    pub names_partner: bool,
    /// The named id. `None` for a text that is not an id, which names a partner that does not exist.
    pub partner_id: Option<PartnerId>,
    /// The partner's id in the customer's system.
    pub tenant_id: Option<String>,
    /// The normalized e-mail address.
    pub email_normalized: Option<String>,
}

/// An existing enrollment that a request may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) enrollment_id: EnrollmentId,
    pub(super) partner_id: PartnerId,
    pub(super) group_id: GroupId,
    /// The partner's id in the customer's system.
    pub(super) tenant_id: Option<String>,
    pub(super) status: Status,
    /// The epoch of tokens that are minted now.
    pub(super) token_epoch: i32,
    pub(super) invite_expires_at: Option<Timestamp>,
    /// The lifetime of the program's tokens.
    pub(super) token_lifetime_seconds: i32,
    /// True if the group has a default link that the enrollment lacks.
    pub(super) lacks_default_links: bool,
}

/// The enrollments that a request may mean, and the partner who is not enrolled yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidates {
    /// The enrollment of the partner with the id that the request names.
    pub(super) by_partner: Option<Candidate>,
    /// The enrollment with the tenant id that the request names.
    pub(super) by_tenant: Option<Candidate>,
    /// The enrollment of the partner with the e-mail address that the request names.
    pub(super) by_email: Option<Candidate>,
    /// The partner with the e-mail address of the request, if the partner is not enrolled in this program.
    pub(super) known_partner: Option<PartnerId>,
}

/// The access of an enrollment to tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenAccess {
    Granted,
    /// Granted once the enrollment is approved: the request accepts the invitation.
    AcceptsInvitation,
}

impl Candidate {
    /// Returns the access of the enrollment to tokens at this time.
    ///
    /// # Errors
    /// 403 for a status that forbids tokens, 410 for an expired invitation.
    pub(super) fn token_access(&self, now: Timestamp) -> Result<TokenAccess> {
        match self.status {
            Status::Approved | Status::Archived | Status::Pending => Ok(TokenAccess::Granted),
            Status::Invited if self.invite_expires_at.is_some_and(|end| end > now) => {
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

/// An enrollment with its partner, as stored.
#[derive(Debug)]
pub(super) struct EnrolledPartnerRow {
    pub(super) partner_id: PartnerId,
    pub(super) name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) email: String,
    pub(super) image: Option<String>,
    pub(super) description: Option<String>,
    pub(super) country: Option<String>,
    pub(super) company_name: Option<String>,
    pub(super) paypal_email: Option<String>,
    pub(super) website: Option<String>,
    pub(super) youtube: Option<String>,
    pub(super) twitter: Option<String>,
    pub(super) linkedin: Option<String>,
    pub(super) instagram: Option<String>,
    pub(super) tiktok: Option<String>,
    pub(super) program_id: ProgramId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) status: Status,
    pub(super) application_id: Option<ApplicationId>,
    pub(super) banned_at: Option<Timestamp>,
    pub(super) banned_reason: Option<String>,
    pub(super) invite_expires_at: Option<Timestamp>,
    pub(super) metadata: Json<Metadata>,
    pub(super) total_clicks: i64,
    pub(super) total_leads: i64,
    pub(super) total_conversions: i64,
    pub(super) total_sales: i64,
    pub(super) total_sale_amount: i64,
    pub(super) total_commissions: i64,
    pub(super) net_revenue: i64,
}
