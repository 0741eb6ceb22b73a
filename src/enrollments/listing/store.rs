//! Queries for lists of partners.
//!
//! One text for each order, as an index serves only the order that it was made for. A filter that is not given is null
//! and leaves the statement when it is planned: `db::Db::read_snapshot` sees to it that each call is planned for its
//! own values.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{Filter, SortBy, SortOrder};
use crate::enrollments::model::EnrolledPartnerRow;
use crate::error::Result;
use crate::partners::{Country, Metadata};
use crate::values::Page;
use crate::values::ProgramScope;

/// Runs a statement over the enrollments that a filter leaves: its beginning, its end, and what it binds beside the
/// filter. A macro, since `query!` takes literals only.
///
/// Partners come into it only where the filter asks for something of theirs, as without them an index alone tells the
/// page, which makes late pages bearable. Then they are found first (`OFFSET 0` is the fence): the other way, along the
/// order of the list from partner to partner until a page is full, takes half a minute where nobody fits.
macro_rules! over_filtered {
    ($conn:ident, $fetch:ident, $query:ident!($($args:tt)*), $program:expr, $filter:expr $(, $value:expr)*) => {
        if $filter.asks_for_partners() {
            over_filtered!(
                @run $conn, $fetch, $query!($($args)*),
                " FROM (SELECT p.id FROM partners p
                        WHERE p.workspace_id = $1
                          AND ($7::text IS NULL OR p.country = $7)
                          AND ($8::text IS NULL OR p.email_normalized = $8)
                          AND ($9::text[] IS NULL OR concat_ws(' ', p.name, p.email, p.company_name) ~ ALL ($9))
                        OFFSET 0) p
                  JOIN enrollments e ON e.partner_id = p.id WHERE",
                $program, $filter $(, $value)*
            )
        } else {
            over_filtered!(
                @run $conn, $fetch, $query!($($args)*),
                " FROM enrollments e
                  WHERE $7::text IS NULL AND $8::text IS NULL AND $9::text[] IS NULL AND",
                $program, $filter $(, $value)*
            )
        }
    };
    (
        @run $conn:ident, $fetch:ident, $query:ident!($($row:ident,)? $begin:literal $(, $end:literal)*),
        $from_where:literal, $program:expr, $filter:expr $(, $value:expr)*
    ) => {
        sqlx::$query!(
            $($row,)?
            $begin
                + $from_where
                + " e.workspace_id = $1 AND e.program_id = $2
                      AND ($3::uuid IS NULL OR e.group_id = $3)
                      AND ($4::text IS NULL OR e.status = $4)
                      AND ($5::text IS NULL OR e.tenant_id = $5)
                      AND ($6::uuid IS NULL OR e.partner_id = $6)"
                $(+ $end)*,
            $program.0 as _,
            $program.1 as _,
            $filter.group_id as _,
            $filter.status as _,
            $filter.who.tenant_id.as_deref(),
            $filter.who.partner_id as _,
            $filter.country.as_ref().map(Country::as_str),
            $filter.who.email_normalized.as_deref(),
            $filter.who.words.as_deref() as _
            $(, $value)*
        )
        .$fetch($conn)
        .await?
    };
}

/// A page of the enrollments with their partners. The enrollments are found first, in their index where there is no
/// filter, and only those of the page are read whole.
pub(super) async fn list_enrolled_partners(
    conn: &mut PgConnection,
    scope: ProgramScope,
    filter: &Filter,
    (by, order): (SortBy, SortOrder),
    page: Page,
) -> Result<Vec<EnrolledPartnerRow>> {
    macro_rules! sorted {
        ($column:literal, $order:literal) => {
            over_filtered!(
                conn,
                fetch_all,
                query_as!(
                    EnrolledPartnerRow,
                    "/* enrollments::list_enrolled_partners */
                     WITH page AS (SELECT e.id",
                    " ORDER BY e.", $column, " ", $order, ", e.id ", $order, " LIMIT $10 OFFSET $11)
                     SELECT p.id AS partner_id, p.name, p.username, p.email, p.image, p.description, p.country,
                            p.company_name, p.paypal_email, p.website, p.youtube, p.twitter, p.linkedin, p.instagram,
                            p.tiktok, e.program_id, e.group_id, e.tenant_id, e.created_at, e.status, e.application_id,
                            e.banned_at, e.banned_reason, e.invite_expires_at,
                            e.metadata AS \"metadata: Json<Metadata>\", e.total_clicks, e.total_leads,
                            e.total_conversions, e.total_sales, e.total_sale_amount,
                            e.total_commissions, e.net_revenue AS \"net_revenue!\"
                     FROM page
                     JOIN enrollments e ON e.workspace_id = $1 AND e.id = page.id
                     JOIN partners p ON p.workspace_id = e.workspace_id AND p.id = e.partner_id
                     ORDER BY e.", $column, " ", $order, ", e.id ", $order
                ),
                (scope.workspace_id, scope.program_id),
                filter,
                page.limit,
                page.offset
            )
        };
        ($column:literal) => {
            match order {
                SortOrder::Asc => sorted!($column, "ASC"),
                SortOrder::Desc => sorted!($column, "DESC"),
            }
        };
    }
    Ok(match by {
        SortBy::CreatedAt => sorted!("created_at"),
        SortBy::TotalClicks => sorted!("total_clicks"),
        SortBy::TotalLeads => sorted!("total_leads"),
        SortBy::TotalConversions => sorted!("total_conversions"),
        SortBy::TotalSales => sorted!("total_sales"),
        SortBy::TotalSaleAmount => sorted!("total_sale_amount"),
        SortBy::TotalCommissions => sorted!("total_commissions"),
        SortBy::NetRevenue => sorted!("net_revenue"),
    })
}

/// How many enrollments a filter leaves.
pub(super) async fn count_enrollments(conn: &mut PgConnection, scope: ProgramScope, filter: &Filter) -> Result<i64> {
    Ok(over_filtered!(
        conn,
        fetch_one,
        query_scalar!("/* enrollments::count_enrollments */ SELECT count(*) AS \"count!\""),
        (scope.workspace_id, scope.program_id),
        filter
    ))
}
