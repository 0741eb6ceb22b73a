//! Events about enrollments.

use serde_json::{Value, json};

use super::model::Status;
use crate::values::clock::Timestamp;
use crate::values::id::{EnrollmentId, GroupId, PartnerId, ProgramId};

/// The data of an event about an enrollment. The data has only ids and the status. A receiver reads all other values
/// itself, and so gets the current values.
#[derive(Debug, Clone, Copy)]
pub(super) struct EnrollmentEvent<'a> {
    pub(super) enrollment_id: EnrollmentId,
    pub(super) partner_id: PartnerId,
    pub(super) program_id: ProgramId,
    pub(super) group_id: GroupId,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) status: Status,
    /// The end of the invitation, for events about invitations.
    pub(super) invite_expires_at: Option<Timestamp>,
}

impl EnrollmentEvent<'_> {
    /// Returns the payload for the outbox.
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
