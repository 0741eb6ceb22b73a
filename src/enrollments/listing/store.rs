//! Queries for lists of partners.
//!
//! Each order has a separate statement, because an index serves one order only. The parameter of an absent filter is
//! null, and the planner removes its condition: `ReadMode::Snapshot` has each call planned for its own values.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{Filter, Sort, SortBy};
use crate::enrollments::model::EnrolledPartnerRow;
use crate::error::Result;
use crate::partners::{Country, Metadata};
use crate::values::ProgramScope;
use crate::values::{Page, SortOrder};

/// Passes two literals to the macro `$statement`, which builds the text of a statement: the conditions on enrollments,
/// and the join with the partners that meet the other conditions. This is a macro because `query!` takes literals only.
///
/// A statement joins partners only if the filter has a condition on partners: without the join, an index alone
/// determines the page, which keeps late pages fast. With the join, partners are found first (`OFFSET 0` prevents
/// another plan). The opposite plan, a scan in the order of the list until the page is full, takes half a minute if no
/// partner matches.
macro_rules! filtered {
    ($statement:ident $(, $argument:literal)*) => {
        $statement!(
            "($3::uuid IS NULL OR e.group_id = $3)
                      AND ($4::text IS NULL OR e.status = $4)
                      AND ($5::text IS NULL OR e.tenant_id = $5)
                      AND ($6::uuid IS NULL OR e.partner_id = $6)",
            "FROM (SELECT p.id FROM partners p
                        WHERE p.workspace_id = $1
                          AND ($7::text IS NULL OR p.country = $7)
                          AND ($8::text IS NULL OR p.email_normalized = $8)
                          AND ($9::text[] IS NULL OR concat_ws(' ', p.name, p.email, p.company_name) ~ ALL ($9))
                        OFFSET 0) p
                  JOIN enrollments e ON e.workspace_id = $1 AND e.program_id = $2 AND e.partner_id = p.id"
            $(, $argument)*
        )
    };
}

/// Runs a statement, and binds the program, the filter and further values.
macro_rules! run {
    (
        $conn:ident.$fetch:ident, $query:ident!($($row:ident,)? $begin:literal $(, $text:literal)*),
        $scope:expr, $filter:expr $(, $value:expr)*
    ) => {
        sqlx::$query!(
            $($row,)?
            $begin
                $(+ $text)*,
            $scope.workspace_id as _,
            $scope.program_id as _,
            $filter.group_id as _,
            $filter.status as _,
            $filter.partner.tenant_id.as_deref(),
            $filter.partner.partner_id as _,
            $filter.country.as_ref().map(Country::as_str),
            $filter.partner.email_normalized.as_deref(),
            $filter.partner.words.as_deref() as _
            $(, $value)*
        )
        .$fetch($conn)
        .await?
    };
}

/// Lists a page of the enrollments with their partners. The ids of the page are found first, through the indexes of the
/// order if there is no filter, and only the enrollments of the page are read completely.
///
/// The totals of an enrollment are in `enrollment_stats` after its first count. Before that, the enrollment is listed
/// by the 0 in `enrollments.uncounted`. Each of the two tables has an index for the order, and a page is merged from the
/// starts of both indexes. Without a filter, the planner removes the join with `enrollments`.
#[expect(clippy::too_many_lines, reason = "the texts of all orders belong together")]
pub(super) async fn list_enrolled_partners(
    conn: &mut PgConnection,
    scope: ProgramScope,
    filter: &Filter,
    Sort { by, order }: Sort,
    page: Page,
) -> Result<Vec<EnrolledPartnerRow>> {
    macro_rules! shown {
        ({$($ids:literal),*}, $place:literal, $order:literal) => {
            run!(
                conn.fetch_all,
                query_as!(
                    EnrolledPartnerRow,
                    "/* enrollments::list_enrolled_partners */
                     WITH page AS (",
                    $($ids,)*
                    ")
                     SELECT p.id AS partner_id, p.name, p.username, p.email, p.image, p.description, p.country,
                            p.company_name, p.paypal_email, p.website, p.youtube, p.twitter, p.linkedin, p.instagram,
                            p.tiktok, e.program_id, e.group_id, e.tenant_id, e.created_at, e.status, e.application_id,
                            e.banned_at, e.banned_reason, e.invite_expires_at,
                            e.metadata AS \"metadata: Json<Metadata>\",
                            COALESCE(s.total_clicks, 0) AS \"total_clicks!\",
                            COALESCE(s.total_leads, 0) AS \"total_leads!\",
                            COALESCE(s.total_conversions, 0) AS \"total_conversions!\",
                            COALESCE(s.total_sales, 0) AS \"total_sales!\",
                            COALESCE(s.total_sale_amount, 0) AS \"total_sale_amount!\",
                            COALESCE(s.total_commissions, 0) AS \"total_commissions!\",
                            COALESCE(s.net_revenue, 0) AS \"net_revenue!\"
                     FROM page
                     JOIN enrollments e ON e.workspace_id = $1 AND e.id = page.id
                     JOIN partners p ON p.workspace_id = $1 AND p.id = e.partner_id
                     LEFT JOIN enrollment_stats s
                         ON s.workspace_id = $1 AND s.program_id = $2 AND s.enrollment_id = page.id
                     ORDER BY ", $place, "page.id ", $order
                ),
                scope,
                filter,
                page.limit,
                page.offset
            )
        };
    }
    // The ids are in the order of creation.
    macro_rules! by_creation {
        ($conditions:literal, $partners:literal, $order:literal) => {
            if filter.needs_partners() {
                shown!(
                    {"SELECT e.id ", $partners, " WHERE ", $conditions,
                     " ORDER BY e.id ", $order, " LIMIT $10 OFFSET $11"},
                    "",
                    $order
                )
            } else {
                shown!(
                    {"SELECT e.id FROM enrollments e
                      WHERE $7::text IS NULL AND $8::text IS NULL AND $9::text[] IS NULL
                        AND e.workspace_id = $1 AND e.program_id = $2 AND ", $conditions,
                     " ORDER BY e.id ", $order, " LIMIT $10 OFFSET $11"},
                    "",
                    $order
                )
            }
        };
    }
    macro_rules! by_total {
        ($conditions:literal, $partners:literal, $column:literal, $order:literal, $place:literal) => {
            if filter.needs_partners() {
                shown!(
                    {"SELECT COALESCE(s.", $column, ", 0) AS total, e.id ", $partners,
                     " LEFT JOIN enrollment_stats s
                          ON s.workspace_id = $1 AND s.program_id = $2 AND s.enrollment_id = e.id
                      WHERE ", $conditions,
                     " ORDER BY total ", $order, ", e.id ", $order, " LIMIT $10 OFFSET $11"},
                    $place,
                    $order
                )
            } else {
                shown!(
                    {"SELECT listed.total, listed.id FROM (
                          (SELECT s.", $column, " AS total, s.enrollment_id AS id
                           FROM enrollment_stats s
                           LEFT JOIN enrollments e
                               ON e.workspace_id = $1 AND e.program_id = $2 AND e.id = s.enrollment_id
                           WHERE $7::text IS NULL AND $8::text IS NULL AND $9::text[] IS NULL
                             AND s.workspace_id = $1 AND s.program_id = $2 AND ", $conditions,
                     " ORDER BY s.", $column, " ", $order, ", s.enrollment_id ", $order, " LIMIT $10::bigint + $11::bigint)
                          UNION ALL
                          (SELECT e.uncounted, e.id
                           FROM enrollments e
                           WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.uncounted IS NOT NULL
                             AND ", $conditions,
                     " ORDER BY e.uncounted ", $order, ", e.id ", $order, " LIMIT $10::bigint + $11::bigint)
                      ) listed
                      ORDER BY total ", $order, ", id ", $order, " LIMIT $10 OFFSET $11"},
                    $place,
                    $order
                )
            }
        };
    }
    macro_rules! sorted {
        ($column:literal) => {
            match order {
                SortOrder::Asc => filtered!(by_total, $column, "ASC", "page.total ASC, "),
                SortOrder::Desc => filtered!(by_total, $column, "DESC", "page.total DESC, "),
            }
        };
    }
    Ok(match by {
        SortBy::CreatedAt => match order {
            SortOrder::Asc => filtered!(by_creation, "ASC"),
            SortOrder::Desc => filtered!(by_creation, "DESC"),
        },
        SortBy::TotalClicks => sorted!("total_clicks"),
        SortBy::TotalLeads => sorted!("total_leads"),
        SortBy::TotalConversions => sorted!("total_conversions"),
        SortBy::TotalSales => sorted!("total_sales"),
        SortBy::TotalSaleAmount => sorted!("total_sale_amount"),
        SortBy::TotalCommissions => sorted!("total_commissions"),
        SortBy::NetRevenue => sorted!("net_revenue"),
    })
}

/// Counts the enrollments that pass a filter.
pub(super) async fn count_enrollments(conn: &mut PgConnection, scope: ProgramScope, filter: &Filter) -> Result<i64> {
    macro_rules! counted {
        ($conditions:literal, $partners:literal) => {
            if filter.needs_partners() {
                run!(
                    conn.fetch_one,
                    query_scalar!(
                        "/* enrollments::count_enrollments */ SELECT count(*) AS \"count!\" ",
                        $partners,
                        " WHERE ",
                        $conditions
                    ),
                    scope,
                    filter
                )
            } else {
                run!(
                    conn.fetch_one,
                    query_scalar!(
                        "/* enrollments::count_enrollments */ SELECT count(*) AS \"count!\" FROM enrollments e
                         WHERE $7::text IS NULL AND $8::text IS NULL AND $9::text[] IS NULL
                           AND e.workspace_id = $1 AND e.program_id = $2 AND ",
                        $conditions
                    ),
                    scope,
                    filter
                )
            }
        };
    }
    Ok(filtered!(counted))
}
