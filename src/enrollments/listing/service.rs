//! Lists of partners, and their counts.

use sqlx::PgConnection;

use super::model::{Filter, ListFilter, Sort};
use super::store;
use crate::enrollments::response::{self, EnrolledPartner};
use crate::error::Result;
use crate::groups;
use crate::values::{Page, ProgramScope};
use crate::work::{Query, ReadMode};

/// Lists a page of the partners of a program.
pub(super) struct ListPartners {
    pub(super) scope: ProgramScope,
    pub(super) filter: ListFilter,
    pub(super) sort: Sort,
    pub(super) page: Page,
}

impl Query for ListPartners {
    const NAME: &'static str = "list_partners";
    const MODE: ReadMode = ReadMode::Snapshot;
    type Output = Vec<EnrolledPartner>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<EnrolledPartner>> {
        let Self { scope, ref filter, sort, page } = *self;
        let Some(filter) = resolve(conn, scope, filter).await? else { return Ok(Vec::new()) };
        let rows = store::list_enrolled_partners(conn, scope, &filter, sort, page).await?;
        response::with_links(conn, scope, rows).await
    }
}

/// Counts the partners of a program that pass a filter.
pub(super) struct CountPartners {
    pub(super) scope: ProgramScope,
    pub(super) filter: ListFilter,
}

impl Query for CountPartners {
    const NAME: &'static str = "count_partners";
    const MODE: ReadMode = ReadMode::Snapshot;
    type Output = i64;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<i64> {
        let Some(filter) = resolve(conn, self.scope, &self.filter).await? else { return Ok(0) };
        store::count_enrollments(conn, self.scope, &filter).await
    }
}

/// Looks up the id of the group in a filter: the best query plan of a list depends on the number of partners in the
/// group. Returns `None` for a group that does not exist and so has no partners.
async fn resolve(conn: &mut PgConnection, scope: ProgramScope, filter: &ListFilter) -> Result<Option<Filter>> {
    let ListFilter { group, status, country, partner } = filter.clone();
    let group_id = match group {
        None => None,
        Some(group) => match groups::find_group_id(conn, scope, &group).await? {
            None => return Ok(None),
            found => found,
        },
    };
    Ok(Some(Filter { group_id, status, country, partner }))
}
