//! The filters and orders of a list of partners.

use super::search::Search;
use crate::enrollments::model::Status;
use crate::groups::GroupRef;
use crate::partners::{Country, Email, TenantId};
use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::SortOrder;
use crate::values::id::{GroupId, PartnerId};

/// The conditions on a list of partners. A partner is listed if all given conditions hold.
#[derive(Debug, Clone, Default)]
pub(super) struct ListFilter {
    pub(super) group: Option<GroupRef>,
    pub(super) status: Option<Status>,
    pub(super) country: Option<Country>,
    pub(super) partner: PartnerFilter,
}

/// The condition on a single partner or on the partners with a name. A request can have three parameters for that, and
/// only the first given one counts.
#[derive(Debug, Clone, Default)]
pub(in crate::enrollments) struct PartnerFilter {
    pub(in crate::enrollments) tenant_id: Option<String>,
    pub(in crate::enrollments) email_normalized: Option<String>,
    pub(in crate::enrollments) partner_id: Option<PartnerId>,
    /// Regular expressions: see [`Search::Words`].
    pub(in crate::enrollments) words: Option<Vec<String>>,
}

impl PartnerFilter {
    /// Returns the filter of a search; without a search, every partner passes.
    pub(in crate::enrollments) fn from_search(search: Option<Search>) -> Self {
        Self::new(None, None, search)
    }

    /// Returns whether the condition is on the partner, not on the enrollment.
    pub(in crate::enrollments) fn needs_partners(&self) -> bool {
        self.email_normalized.is_some() || self.words.is_some()
    }

    pub(super) fn new(tenant_id: Option<&TenantId>, email: Option<&Email>, search: Option<Search>) -> Self {
        let mut filter = Self::default();
        match (tenant_id, email, search) {
            (Some(tenant_id), _, _) => filter.tenant_id = Some(tenant_id.as_str().to_owned()),
            (None, Some(email), _) => filter.email_normalized = Some(email.normalized().to_owned()),
            (None, None, Some(Search::Partner(id))) => filter.partner_id = Some(id),
            (None, None, Some(Search::Email(email))) => filter.email_normalized = Some(email),
            (None, None, Some(Search::Words(words))) => filter.words = Some(words).filter(|words| !words.is_empty()),
            (None, None, None) => {}
        }
        filter
    }
}

/// A filter whose group was looked up: the conditions that a statement binds.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) group_id: Option<GroupId>,
    pub(super) status: Option<Status>,
    pub(super) country: Option<Country>,
    pub(super) partner: PartnerFilter,
}

impl Filter {
    /// Returns whether a condition is on the partner, not on the enrollment.
    pub(super) fn needs_partners(&self) -> bool {
        self.country.is_some() || self.partner.needs_partners()
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    pub(super) by: SortBy,
    pub(super) order: SortOrder,
}

/// The member that a list is sorted by. Each order has an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SortBy {
    CreatedAt,
    TotalClicks,
    TotalLeads,
    TotalConversions,
    TotalSales,
    #[default]
    TotalSaleAmount,
    TotalCommissions,
    NetRevenue,
}

impl Text for SortBy {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "createdAt" => Self::CreatedAt,
            "totalClicks" => Self::TotalClicks,
            "totalLeads" => Self::TotalLeads,
            "totalConversions" => Self::TotalConversions,
            "totalSales" => Self::TotalSales,
            "totalSaleAmount" => Self::TotalSaleAmount,
            "totalCommissions" => Self::TotalCommissions,
            "netRevenue" => Self::NetRevenue,
            _ => {
                return Err(Invalid::new(
                    ProblemCode::InvalidValue,
                    "Must be createdAt, totalClicks, totalLeads, totalConversions, totalSales, totalSaleAmount, \
                     totalCommissions or netRevenue",
                ));
            }
        })
    }
}
