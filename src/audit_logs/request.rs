//! The query string of `GET /audit-logs`.

use super::store::Filters;
use crate::programs::ProgramRef;
use crate::validation::{Fields, FromFields};
use crate::values::Page;

/// The filters, the page and the program of a list of entries.
pub struct ListAuditLogsRequest {
    /// `None` when the request names a target and another partner: no entry is about both.
    pub(super) filters: Option<Filters>,
    pub(super) page: Page,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ListAuditLogsRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let action = fields.optional("action");
        let target = fields.optional("target");
        let partner_id = fields.optional("partnerId");
        let contradict = target.is_some() && partner_id.is_some() && target != partner_id;
        let filters = (!contradict).then(|| Filters { action, target: target.or(partner_id) });
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { filters, page, program })
    }
}
