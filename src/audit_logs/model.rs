//! What an entry says.

use serde_json::Value;

use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::id::{ApiKeyId, ProgramId, WorkspaceId};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in the log.
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
    /// A partner was invited, or its invitation renewed.
    PartnerInvited = "partner.invited";
    /// A partner accepted its invitation by coming for a token.
    PartnerAccepted = "partner.accepted";
    /// An invitation was taken back.
    PartnerInviteDeleted = "partner.invite_deleted";
    /// An application was accepted.
    PartnerApproved = "partner.approved";
    /// An application was refused.
    PartnerRejected = "partner.rejected";
    /// A partner was thrown out.
    PartnerBanned = "partner.banned";
    /// A ban was lifted.
    PartnerUnbanned = "partner.unbanned";
    /// A partner was switched off.
    PartnerDeactivated = "partner.deactivated";
    /// A partner was switched on again.
    PartnerReactivated = "partner.reactivated";
    /// All tokens of a partner were ended.
    TokensRevoked = "tokens.revoked";
    /// A group was made.
    GroupCreated = "group.created";
    /// A group was changed.
    GroupUpdated = "group.updated";
    /// A group was deleted, its partners moved.
    GroupDeleted = "group.deleted";
    /// A link was changed.
    LinkUpdated = "link.updated";
    /// A link was deleted.
    LinkDeleted = "link.deleted";
}

impl Text for Action {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let action = Self::ALL.iter().copied().find(|action| action.as_str() == text);
        action.ok_or_else(|| Invalid::new(ProblemCode::InvalidValue, "Must be an action of the audit log"))
    }
}

/// One entry.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The program.
    pub program_id: ProgramId,
    /// The key that asked for it; none for what the command line does.
    pub api_key_id: Option<ApiKeyId>,
    /// What was done.
    pub action: Action,
    /// To what: an id in its text form, of whatever kind.
    pub target: &'a str,
    /// What one would ask next: the reason of a ban, the statuses before and after. Never a person's data, which
    /// would outlive the person.
    pub details: Value,
}
