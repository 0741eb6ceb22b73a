//! The entries of the audit log and their actions.

use serde_json::Value;

use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::id::{ApiKeyId, ProgramId, WorkspaceId};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The kind of change that an entry records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the action as the log spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    /// The profile, group, tenant id or metadata of a partner was changed.
    PartnerUpdated = "partner.updated";
    /// A partner was invited, or the invitation was renewed.
    PartnerInvited = "partner.invited";
    /// A partner accepted an invitation by a request for a token.
    PartnerAccepted = "partner.accepted";
    /// An invitation was withdrawn.
    PartnerInviteDeleted = "partner.invite_deleted";
    PartnerApproved = "partner.approved";
    PartnerRejected = "partner.rejected";
    PartnerBanned = "partner.banned";
    PartnerUnbanned = "partner.unbanned";
    PartnerDeactivated = "partner.deactivated";
    PartnerReactivated = "partner.reactivated";
    /// All embed tokens of a partner were revoked.
    TokensRevoked = "tokens.revoked";
    GroupCreated = "group.created";
    GroupUpdated = "group.updated";
    /// A group was deleted, and its partners were moved.
    GroupDeleted = "group.deleted";
    LinkUpdated = "link.updated";
    LinkDeleted = "link.deleted";
}

impl Text for Action {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let action = Self::ALL.iter().copied().find(|action| action.as_str() == text);
        action.ok_or_else(|| Invalid::new(ProblemCode::InvalidValue, "Must be an action of the audit log"))
    }
}

/// An entry to be written.
#[derive(Debug)]
pub struct Entry<'a> {
    pub workspace_id: WorkspaceId,
    pub program_id: ProgramId,
    /// The API key of the request; `None` for changes by the command line.
    pub api_key_id: Option<ApiKeyId>,
    /// The kind of change.
    pub action: Action,
    /// The id of the changed object, in its text form.
    pub target: &'a str,
    /// Details of the change, such as the reason of a ban or the statuses before and after. Never personal data: the log
    /// outlives the erasure of a person's data.
    pub details: Value,
}
