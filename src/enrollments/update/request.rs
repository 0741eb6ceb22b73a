//! The body of `PATCH /partners/{id}`.

use crate::groups::GroupRef;
use crate::partners::{Metadata, ProfileChanges, TenantId};
use crate::programs::ProgramRef;
use crate::validation::{Change, Fields, FromFields};

/// Changes to a partner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PartnerChanges {
    /// Changes to the profile, in every program of the workspace.
    pub(super) profile: ProfileChanges,
    pub(super) group: Option<GroupRef>,
    pub(super) tenant_id: Change<String>,
    /// Replaced as a whole; null means empty.
    pub(super) metadata: Change<Metadata>,
}

impl PartnerChanges {
    /// Returns whether the request changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl FromFields for PartnerChanges {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let profile = ProfileChanges::from_fields(fields);
        // A text that is neither an id nor a slug names a group that does not exist.
        let group = fields.optional("groupId");
        let tenant_id = fields.change::<TenantId>("tenantId").map(|id| id.as_str().to_owned());
        let metadata = fields.change("metadata");
        Some(Self { profile, group, tenant_id, metadata })
    }
}

/// A request to change a partner.
pub struct UpdatePartnerRequest {
    pub(super) changes: PartnerChanges,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for UpdatePartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let changes = PartnerChanges::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { changes: changes?, program })
    }
}
