//! What the outbox tells of an enrollment.

use serde_json::{Value, json};

use super::model::Status;
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
}

impl EnrollmentEvent<'_> {
    /// As it stands in the outbox.
    pub(super) fn payload(&self) -> Value {
        json!({
            "enrollmentId": self.enrollment_id,
            "partnerId": self.partner_id,
            "programId": self.program_id,
            "groupId": self.group_id,
            "tenantId": self.tenant_id,
            "status": self.status,
        })
    }
}
