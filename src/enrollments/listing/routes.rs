//! `GET /partners` and `GET /partners/count`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use sqlx::PgConnection;

use super::model::{Filter, PartnerFilter, SortBy, SortOrder};
use super::store;
use crate::access::{Caller, ReadPartners};
use crate::enrollments::response;
use crate::error::Result;
use crate::groups;
use crate::http::extract::Query;
use crate::http::response::Found;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::validation::{Fields, FromFields};
use crate::values::Page;
use crate::values::ProgramScope;

/// Which partners, in which order, and how many of them.
pub struct ListPartnersQuery {
    program: Option<ProgramRef>,
    filter: PartnerFilter,
    sort: (SortBy, SortOrder),
    page: Page,
}

impl FromFields for ListPartnersQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let filter = PartnerFilter::from_fields(fields);
        let sort = (fields.optional("sortBy").unwrap_or_default(), fields.optional("sortOrder").unwrap_or_default());
        let page = Page::from_query(fields);
        let program = fields.optional("programId");
        Some(Self { program, filter: filter?, sort, page })
    }
}

/// Which partners.
pub struct CountPartnersQuery {
    program: Option<ProgramRef>,
    filter: PartnerFilter,
}

impl FromFields for CountPartnersQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let filter = PartnerFilter::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { program, filter: filter? })
    }
}

/// `GET /partners`.
pub async fn list_partners(
    App(app): App,
    caller: Caller<ReadPartners>,
    Query(query): Query<ListPartnersQuery>,
) -> Result<Found<impl serde::Serialize>> {
    let ListPartnersQuery { program, filter, sort, page } = query;
    let scope = caller.program(program).await?;
    let list = app.db.tenant(scope.workspace_id).read_snapshot("list_partners", move |conn| {
        let filter = filter.clone();
        Box::pin(async move {
            let Some(filter) = resolve(conn, scope, filter).await? else { return Ok(Vec::new()) };
            let rows = store::list_enrolled_partners(conn, scope, &filter, sort, page).await?;
            response::with_links(conn, scope, rows).await
        })
    });
    Ok(Found(list.await?))
}

/// `GET /partners/count`.
pub async fn count_partners(
    App(app): App,
    caller: Caller<ReadPartners>,
    Query(query): Query<CountPartnersQuery>,
) -> Result<Found<i64>> {
    let CountPartnersQuery { program, filter } = query;
    let scope = caller.program(program).await?;
    let count = app.db.tenant(scope.workspace_id).read_snapshot("count_partners", move |conn| {
        let filter = filter.clone();
        Box::pin(async move {
            let Some(filter) = resolve(conn, scope, filter).await? else { return Ok(0) };
            store::count_enrollments(conn, scope, &filter).await
        })
    });
    Ok(Found(count.await?))
}

/// The filter with the id of its group: the best plan depends on how many partners that one has. `None` for a group
/// that does not exist, in which nobody is.
async fn resolve(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    filter: PartnerFilter,
) -> Result<Option<Filter>> {
    let PartnerFilter { group, status, country, who } = filter;
    let group_id = match group {
        None => None,
        Some(group) => match groups::find_group_id(conn, ProgramScope { workspace_id, program_id }, &group).await? {
            None => return Ok(None),
            found => found,
        },
    };
    Ok(Some(Filter { group_id, status, country, who }))
}
