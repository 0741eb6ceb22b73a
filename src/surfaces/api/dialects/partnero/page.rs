//! Pages of a list in the Partnero dialect: URLs name the next and the previous page, and no rows are counted.

use serde::Serialize;

use crate::http::extract::Address;
use crate::validation::Fields;
use crate::values;

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 250;

/// The page that a request asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageRequest {
    limit: i64,
    page: i64,
}

impl PageRequest {
    /// Reads `limit` and `page` of a query string.
    pub(super) fn from_query(fields: &mut Fields<'_>) -> Self {
        let limit = fields.integer("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
        let page = fields.integer("page", 1..=i32::MAX.into()).unwrap_or(1);
        Self { limit, page }
    }

    /// Returns the rows to read: one more than the page shows, which tells whether there is a next page.
    pub(super) fn rows(self) -> values::Page {
        values::Page { limit: self.limit + 1, offset: self.offset() }
    }

    fn offset(self) -> i64 {
        (self.page - 1) * self.limit
    }
}

/// A page of a list. `last` stays null, because its value would need a count of all rows.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    links: PageLinks,
    meta: PageMeta,
    status: u8,
}

#[derive(Debug, Serialize)]
struct PageLinks {
    first: String,
    last: Option<String>,
    prev: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct PageMeta {
    current_page: i64,
    from: Option<i64>,
    path: String,
    per_page: i64,
    to: Option<i64>,
}

impl<T> Page<T> {
    /// Builds the page from the items that [`PageRequest::rows`] asked for.
    pub(super) fn new<I>(request: PageRequest, address: &Address, items: Vec<I>) -> Self
    where
        T: From<I>,
    {
        let PageRequest { limit, page } = request;
        let more = i64::try_from(items.len()).is_ok_and(|count| count > limit);
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        let data: Vec<T> = items.into_iter().take(shown).map(T::from).collect();
        let at = |page: i64| address.with("page", page);
        let position = |index: usize| i64::try_from(index).ok().map(|index| request.offset() + index);
        Self {
            links: PageLinks {
                first: at(1),
                last: None,
                prev: (page > 1).then(|| at(page - 1)),
                next: more.then(|| at(page + 1)),
            },
            meta: PageMeta {
                current_page: page,
                from: if data.is_empty() { None } else { position(1) },
                path: address.url().to_owned(),
                per_page: limit,
                to: if data.is_empty() { None } else { position(data.len()) },
            },
            data,
            status: 1,
        }
    }
}
