//! What the outbox tells of an enrollment.

use serde_json::{Value, json};

use super::model::Status;
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, GroupId, PartnerId, ProgramId};

/// The event of whoever takes part from now on, or applies.
pub(super) const ENROLLED: &str = "partner.enrolled";

/// An enrollment as an event shows it. Ids only: who receives it reads the rest, as it then is.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnrollmentEvent<'a> {
    pub(super) enrollment_id: EnrollmentId,
    pub(super) partner_id: PartnerId,
    pub(super) program_id: ProgramId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) status: Status,
    /// Told of an invitation: when it lapses.
    pub(super) invite_expires_at: Option<Timestamp>,
}

impl EnrollmentEvent<'_> {
    /// As it stands in the outbox.
    pub(super) fn payload(&self) -> Value {
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
