//! What a request wants to be changed.

use crate::groups::GroupRef;
use crate::partners::{Metadata, ProfileChanges, TenantId};
use crate::validation::{Bounded, Change, Fields, FromFields};

/// The changes to a partner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PartnerChanges {
    /// To the person, in every program of the workspace.
    pub(super) profile: ProfileChanges,
    pub(super) group: Option<GroupRef>,
    pub(super) tenant_id: Change<String>,
    /// As a whole; null is an empty one.
    pub(super) metadata: Change<Metadata>,
}

impl PartnerChanges {
    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl FromFields for PartnerChanges {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let profile = ProfileChanges::from_fields(fields);
        // Whatever is no id or slug is one that does not exist.
        let group = fields.optional::<Bounded<0, { usize::MAX }>>("groupId");
        let group = group.map(|group| GroupRef::from(group.as_str()));
        let tenant_id = fields.change::<TenantId>("tenantId").map(|id| id.as_str().to_owned());
        let metadata = fields.change("metadata");
        Some(Self { profile, group, tenant_id, metadata })
    }
}
