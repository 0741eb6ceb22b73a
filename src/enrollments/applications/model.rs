//! Which applications there are, and what one is refused with.

use crate::enrollments::listing::{SortOrder, Who};
use crate::groups::GroupRef;
use crate::partners::Country;
use crate::validation::{Bounded, choices};

choices! {
    /// How far an application has come.
    #[derive(Default)]
    pub(super) ReviewStatus {
        /// It waits for a review.
        #[default]
        Pending = "pending",
        /// The partner takes part.
        Approved = "approved",
        /// It was refused.
        Rejected = "rejected",
    }
}

/// Which applications are asked for, in the order of their creation.
#[derive(Debug, Clone)]
pub(super) struct ApplicationFilter {
    pub(super) country: Option<Country>,
    pub(super) group: Option<GroupRef>,
    pub(super) order: SortOrder,
    pub(super) who: Who,
    pub(super) status: ReviewStatus,
}

impl ApplicationFilter {
    /// Whether it asks for something that stands with the partner, not with the enrollment.
    pub(super) fn asks_for_partners(&self) -> bool {
        self.country.is_some() || self.who.asks_for_partners()
    }
}

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
