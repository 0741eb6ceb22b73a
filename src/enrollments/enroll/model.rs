//! Enrollment requests and their outcome.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;

use crate::enrollments::model::{Candidate, Identity, Status};
use crate::enrollments::request::PartnerRequest;
use crate::error::Result;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, PartnerId};

/// An enrollment request.
pub struct EnrollRequest {
    pub scope: ProgramScope,
    /// Decides whether the request may create, approve or invite.
    pub origin: Origin,
    /// The identity by which existing enrollments are found. Shared with the batch that looks the enrollments up.
    pub identity: Arc<Identity>,
    /// The partner of a new enrollment. Without a partner, the request only finds enrollments.
    pub partner: Option<Box<PartnerRequest>>,
}

impl EnrollRequest {
    /// Returns the request to enroll a partner, or to find the enrollment of that partner.
    #[must_use]
    pub fn for_partner(scope: ProgramScope, origin: Origin, partner: PartnerRequest) -> Self {
        Self { scope, origin, identity: Arc::new(partner.identity()), partner: Some(Box::new(partner)) }
    }
}

/// The authority of an enrollment request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A token request. The e-mail address is often unverified; the tenant id was authenticated by the host
    /// application.
    Token,
    /// A token request whose tenant id and e-mail address the workspace vouches for.
    TrustedToken,
    /// The workspace enrolls a partner itself.
    Workspace,
    /// The workspace invites a partner.
    Invitation(Invitation),
}

impl Origin {
    /// Returns the invitation, if the workspace invites a partner.
    pub(super) fn invitation(self) -> Option<Invitation> {
        match self {
            Self::Invitation(invitation) => Some(invitation),
            Self::Token | Self::TrustedToken | Self::Workspace => None,
        }
    }
}

/// The terms of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// The end of the invitation.
    pub expires_at: Timestamp,
}

/// The enrollment that a request has found, changed or created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    pub enrollment_id: EnrollmentId,
    pub partner_id: PartnerId,
    /// The status after the request.
    pub status: Status,
    /// The epoch of tokens that are minted now.
    pub token_epoch: i32,
    pub(super) token_lifetime_seconds: i32,
    /// True if the request created the enrollment.
    pub is_new: bool,
}

impl Enrolled {
    /// Returns the lifetime of the program's tokens.
    #[must_use]
    pub fn token_lifetime(&self) -> Duration {
        Duration::from_secs(self.token_lifetime_seconds.unsigned_abs().into())
    }
}

impl From<&Candidate> for Enrolled {
    fn from(found: &Candidate) -> Self {
        Self {
            enrollment_id: found.enrollment_id,
            partner_id: found.partner_id,
            status: found.status,
            token_epoch: found.token_epoch,
            token_lifetime_seconds: found.token_lifetime_seconds,
            is_new: false,
        }
    }
}

/// The part of an enrollment that an answer shows.
pub trait EnrollmentView: Sized + Send + 'static {
    /// Reads the view in the transaction that has written or found the enrollment.
    ///
    /// # Errors
    /// The errors of the statements.
    fn read(
        conn: &mut PgConnection,
        scope: ProgramScope,
        enrolled: Enrolled,
    ) -> impl Future<Output = Result<Self>> + Send;
}

impl EnrollmentView for Enrolled {
    async fn read(_: &mut PgConnection, _: ProgramScope, enrolled: Enrolled) -> Result<Self> {
        Ok(enrolled)
    }
}
