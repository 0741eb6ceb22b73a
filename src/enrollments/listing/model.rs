//! Which partners, and in which order.

use super::search::Search;
use crate::enrollments::model::Status;
use crate::groups::GroupRef;
use crate::partners::{Country, Email, TenantId};
use crate::validation::{Bounded, Fields, FromFields, Invalid, ProblemCode, Text};
use crate::values::id::{GroupId, PartnerId};

/// Which partners a request asks for: all that fit everything that is given.
#[derive(Debug, Clone, Default)]
pub(super) struct PartnerFilter {
    pub(super) group: Option<GroupRef>,
    pub(super) status: Option<Status>,
    pub(super) country: Option<Country>,
    pub(super) who: Who,
}

/// Who in particular. Of the three parameters that name somebody only the first that is given counts.
#[derive(Debug, Clone, Default)]
pub(in crate::enrollments) struct Who {
    pub(in crate::enrollments) tenant_id: Option<String>,
    pub(in crate::enrollments) email_normalized: Option<String>,
    pub(in crate::enrollments) partner_id: Option<PartnerId>,
    /// Regular expressions: see [`Search::Words`].
    pub(in crate::enrollments) words: Option<Vec<String>>,
}

impl Who {
    /// Who is found by a search, if there is one.
    pub(in crate::enrollments) fn found_by(search: Option<Search>) -> Self {
        Self::new(None, None, search)
    }

    /// Whether it asks for something that stands with the partner, not with the enrollment.
    pub(in crate::enrollments) fn asks_for_partners(&self) -> bool {
        self.email_normalized.is_some() || self.words.is_some()
    }

    fn new(tenant_id: Option<&TenantId>, email: Option<&Email>, search: Option<Search>) -> Self {
        let mut who = Self::default();
        match (tenant_id, email, search) {
            (Some(tenant_id), _, _) => who.tenant_id = Some(tenant_id.as_str().to_owned()),
            (None, Some(email), _) => who.email_normalized = Some(email.normalized().to_owned()),
            (None, None, Some(Search::Partner(id))) => who.partner_id = Some(id),
            (None, None, Some(Search::Email(email))) => who.email_normalized = Some(email),
            (None, None, Some(Search::Words(words))) => who.words = Some(words).filter(|words| !words.is_empty()),
            (None, None, None) => {}
        }
        who
    }
}

impl FromFields for PartnerFilter {
    /// In the order of the document, which is the order in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let group = fields.optional::<Bounded<0, { usize::MAX }>>("groupId");
        let group = group.map(|group| GroupRef::from(group.as_str()));
        let status = fields.optional("status");
        let country = fields.optional("country");
        let tenant_id = fields.optional("tenantId");
        let email = fields.optional("email");
        let search = fields.optional("search");
        let who = Who::new(tenant_id.as_ref(), email.as_ref(), search);
        Some(Self { group, status, country, who })
    }
}

/// A filter whose group was looked up: what a statement asks.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) group_id: Option<GroupId>,
    pub(super) status: Option<Status>,
    pub(super) country: Option<Country>,
    pub(super) who: Who,
}

impl Filter {
    /// Whether it asks for something that stands with the partner, not with the enrollment.
    pub(super) fn asks_for_partners(&self) -> bool {
        self.country.is_some() || self.who.asks_for_partners()
    }
}

/// What a list is sorted by. Each has an index.
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

/// From which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::enrollments) enum SortOrder {
    Asc,
    #[default]
    Desc,
}

impl Text for SortOrder {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(Invalid::new(ProblemCode::InvalidValue, "Must be asc or desc")),
        }
    }
}
