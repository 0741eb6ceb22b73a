//! What a step is asked for with.

use crate::validation::choices;

choices! {
    /// Why a partner is thrown out.
    pub(in crate::enrollments) BanReason {
        /// It broke the program's terms.
        TosViolation = "tos_violation",
        /// What it shows is not fit to be shown.
        InappropriateContent = "inappropriate_content",
        /// Its visitors are no people.
        FakeTraffic = "fake_traffic",
        /// It cheats in another way.
        Fraud = "fraud",
        /// It bothers people.
        Spam = "spam",
        /// It passes itself off as the brand.
        BrandAbuse = "brand_abuse",
    }
}
