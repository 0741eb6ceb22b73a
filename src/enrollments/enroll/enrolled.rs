//! What a call for an enrollment ends with.

use std::time::Duration;

use crate::enrollments::model::{Candidate, Status};
use crate::values::id::{EnrollmentId, PartnerId};

/// The enrollment that a request ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id.
    pub enrollment_id: EnrollmentId,
    /// Its partner.
    pub partner_id: PartnerId,
    /// Where it stands.
    pub status: Status,
    /// The epoch of its tokens.
    pub token_epoch: i32,
    pub(in crate::enrollments) token_lifetime_seconds: i32,
    /// Whether this request made it.
    pub is_new: bool,
}

impl Enrolled {
    /// How long a token of the program works.
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
