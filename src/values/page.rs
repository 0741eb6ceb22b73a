//! Pages of a list.

use crate::validation::Fields;

const MAX_PAGE_SIZE: i64 = 100;
/// The highest page number: further than anybody reads, and far below the page at which an offset overflows.
const MAX_PAGE: i64 = 1_000_000;

/// A page of a list: `page` ≥ 1 and `pageSize` 1–100 (default 100) of a query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The maximum number of items.
    pub limit: i64,
    /// The number of items before the page.
    pub offset: i64,
}

impl Page {
    /// Reads the page from a query string.
    pub fn from_query(fields: &mut Fields<'_>) -> Self {
        let page = fields.integer("page", 1..=MAX_PAGE).unwrap_or(1);
        let limit = fields.integer("pageSize", 1..=MAX_PAGE_SIZE).unwrap_or(MAX_PAGE_SIZE);
        Self { limit, offset: (page - 1) * limit }
    }
}
