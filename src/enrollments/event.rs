//! What the outbox tells of an enrollment.

use serde_json::{Value, json};

use super::model::Status;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, ProgramId};

/// An enrollment as an event shows it. Ids only: who receives it reads the rest, as it then is.
#[derive(Debug, Clone, Copy)]
pub(in crate::enrollments) struct EnrollmentEvent<'a> {
    pub(in crate::enrollments) enrollment_id: EnrollmentId,
    pub(in crate::enrollments) partner_id: PartnerId,
    pub(in crate::enrollments) program_id: ProgramId,
    pub(in crate::enrollments) group_id: GroupId,
    pub(in crate::enrollments) tenant_id: Option<&'a str>,
    pub(in crate::enrollments) status: Status,
    /// Told of an invitation: when it lapses.
    pub(in crate::enrollments) invite_expires_at: Option<Timestamp>,
}

impl EnrollmentEvent<'_> {
    /// As it stands in the outbox.
    pub(in crate::enrollments) fn payload(&self) -> Value {
        let mut payload = json!({
            "enrollmentId": self.enrollment_id,
            "partnerId": self.partner_id,
            "programId": self.program_id,
            "groupId": self.group_id,
            "tenantId": self.tenant_id,
            "status": self.status,
        });
        if let Some(expires_at) = self.invite_expires_at {
            payload["inviteExpiresAt"] = json!(expires_at);
        }
        payload
    }
}
