//! Filters for a list of applications, and the reasons of a rejection.

use crate::enrollments::listing::PartnerFilter;
use crate::groups::GroupRef;
use crate::partners::Country;
use crate::validation::{Bounded, choices};
use crate::values::SortOrder;

choices! {
    /// The state of an application.
    #[derive(Default)]
    pub(super) ReviewStatus {
        /// The application waits for a review.
        #[default]
        Pending = "pending",
        /// The application was approved.
        Approved = "approved",
        /// The application was rejected.
        Rejected = "rejected",
    }
}

/// The applications that a list shows, in the order of their creation.
#[derive(Debug, Clone)]
pub(super) struct ApplicationFilter {
    pub(super) country: Option<Country>,
    pub(super) group: Option<GroupRef>,
    pub(super) order: SortOrder,
    pub(super) partner: PartnerFilter,
    pub(super) status: ReviewStatus,
}

impl ApplicationFilter {
    /// Returns whether a condition of the filter is on the partner, not on the enrollment.
    pub(super) fn needs_partners(&self) -> bool {
        self.country.is_some() || self.partner.needs_partners()
    }
}

choices! {
    /// The reason for a rejection that the partner may see.
    pub(super) RejectionReason {
        /// The application says too little.
        NeedsMoreDetail = "needsMoreDetail",
        /// The partner does not meet the program's requirements.
        DoesNotMeetRequirements = "doesNotMeetRequirements",
        /// Another program would fit the partner better.
        NotTheRightFit = "notTheRightFit",
        /// The note has the reason.
        Other = "other",
    }
}

choices! {
    /// The time after which the partner may apply again.
    #[derive(Default)]
    pub(super) ReapplicationTimeframe {
        /// At any time.
        Instant = "instant",
        /// After 30 days.
        #[default]
        Standard = "standard",
        /// Never.
        Never = "never",
    }
}

/// The words and choices with which a reviewer rejects an application.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    pub(super) reason: Option<RejectionReason>,
    /// The reason in words.
    pub(super) note: Option<Bounded<0, 5000>>,
    pub(super) timeframe: ReapplicationTimeframe,
    /// The signs of fraud that the reviewer sees.
    pub(super) fraud_suspicion: Option<Bounded<1, 5000>>,
}
