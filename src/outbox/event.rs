//! Events as receivers see them.

use serde_json::Value;

macro_rules! event_names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The name of an event. Receivers subscribe to names; the audit log has actions of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(clippy::enum_variant_names, reason = "the names of other kinds of events follow")]
        pub enum EventName {
            $($(#[$doc])* $name,)*
        }

        impl EventName {
            /// Returns the name as receivers and the database spell it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

event_names! {
    /// A partner takes part in a program from now on, or has applied.
    PartnerEnrolled = "partner.enrolled";
    /// A partner was invited, or its invitation was renewed.
    PartnerInvited = "partner.invited";
    /// An invitation was withdrawn.
    PartnerInviteDeleted = "partner.invite_deleted";
    PartnerApproved = "partner.approved";
    PartnerRejected = "partner.rejected";
    PartnerBanned = "partner.banned";
    PartnerUnbanned = "partner.unbanned";
    PartnerDeactivated = "partner.deactivated";
    PartnerReactivated = "partner.reactivated";
}

/// An event to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: EventName,
    /// The data of the event.
    pub payload: Value,
}
