//! What an application is refused with.

use crate::validation::{Bounded, choices};

choices! {
    /// Why an application is refused, as far as the partner is to know.
    pub(super) RejectionReason {
        /// It tells too little.
        NeedsMoreDetail = "needsMoreDetail",
        /// It lacks what the program asks for.
        DoesNotMeetRequirements = "doesNotMeetRequirements",
        /// It asks for another program.
        NotTheRightFit = "notTheRightFit",
        /// See the note.
        Other = "other",
    }
}

choices! {
    /// When the partner may apply again.
    #[derive(Default)]
    pub(super) ReapplicationTimeframe {
        /// At once.
        Instant = "instant",
        /// After 30 days.
        #[default]
        Standard = "standard",
        /// Never.
        Never = "never",
    }
}

/// What a reviewer says to an application that is refused.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    /// Why.
    pub(super) reason: Option<RejectionReason>,
    /// The same in words.
    pub(super) note: Option<Bounded<0, 5000>>,
    /// When it may be tried again.
    pub(super) timeframe: ReapplicationTimeframe,
    /// What looks like fraud to the reviewer.
    pub(super) fraud_suspicion: Option<Bounded<1, 5000>>,
}
