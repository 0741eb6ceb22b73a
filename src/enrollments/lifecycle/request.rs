//! Requests for a transition.

use super::model::BanReason;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::validation::{Fields, FromFields};

/// The body of `POST /partners/unban`, `/partners/deactivate` and `/partners/reactivate`.
pub struct ChangeStatusRequest {
    pub(super) partner: Option<PartnerRef>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ChangeStatusRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { partner, program })
    }
}

/// The body of `POST /partners/ban`.
pub struct BanPartnerRequest {
    pub(super) partner: Option<PartnerRef>,
    pub(super) reason: BanReason,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for BanPartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let reason = fields.required("reason");
        let program = fields.optional("programId");
        Some(Self { partner, reason: reason?, program })
    }
}
