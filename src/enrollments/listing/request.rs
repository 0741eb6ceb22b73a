//! Requests for lists of partners.

use super::model::{ListFilter, PartnerFilter, Sort};
use crate::programs::ProgramRef;
use crate::validation::{Fields, FromFields};
use crate::values::{Page, SortOrder};

/// The query of `GET /partners`.
pub struct ListPartnersQuery {
    pub(super) program: Option<ProgramRef>,
    pub(super) filter: ListFilter,
    pub(super) sort: Sort,
    pub(super) page: Page,
}

impl FromFields for ListPartnersQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let filter = ListFilter::from_fields(fields);
        let by = fields.optional("sortBy").unwrap_or_default();
        let order = fields.optional("sortOrder").unwrap_or(SortOrder::Desc);
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { program, filter: filter?, sort: Sort { by, order }, page })
    }
}

/// The query of `GET /partners/count`.
pub struct CountPartnersQuery {
    pub(super) program: Option<ProgramRef>,
    pub(super) filter: ListFilter,
}

impl FromFields for CountPartnersQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let filter = ListFilter::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { program, filter: filter? })
    }
}

impl FromFields for ListFilter {
    /// Reads the fields in the order of the document, which is the order in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let group = fields.optional("groupId");
        let status = fields.optional("status");
        let country = fields.optional("country");
        let tenant_id = fields.optional("tenantId");
        let email = fields.optional("email");
        let search = fields.optional("search");
        let partner = PartnerFilter::new(tenant_id.as_ref(), email.as_ref(), search);
        Some(Self { group, status, country, partner })
    }
}
