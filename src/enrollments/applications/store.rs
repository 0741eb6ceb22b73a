//! Queries of applications on `enrollments`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error/database.rs")]

use sqlx::PgConnection;

use super::model::{ApplicationFilter, Rejection, RejectionReason};
use super::response::ApplicationRow;
use crate::error::Result;
use crate::groups::GroupRef;
use crate::partners::Country;
use crate::validation::Bounded;
use crate::values::ProgramScope;
use crate::values::id::{EnrollmentId, GroupId, WorkspaceId};
use crate::values::{Page, SortOrder};

/// Lists a page of the applications of a program. Each call is planned for its own values (see `ReadMode::Snapshot`),
/// so that pending applications come from the index on them. If the filter has a condition on partners, the partners
/// are found first, as in `listing`: nearly all applications of an old program are approved.
pub(super) async fn list_applications(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    filter: &ApplicationFilter,
    page: Page,
) -> Result<Vec<ApplicationRow>> {
    let (group_id, slug) = filter.group.as_ref().map(GroupRef::parts).unwrap_or_default();
    macro_rules! query {
        ($from_where:literal, $order:literal) => {
            sqlx::query_as!(
                ApplicationRow,
                r#"/* enrollments::list_applications */
                 SELECT e.application_id AS "id!", e.created_at, p.id AS partner_id, p.name, p.company_name, p.email,
                        p.image, p.description, p.country, e.group_id, e.status, p.website, p.youtube, p.twitter,
                        p.linkedin, p.instagram, p.tiktok, e.rejection_reason, e.rejection_note,
                        e.reapplication_timeframe, e.fraud_suspicion"#
                    + $from_where
                    + " e.workspace_id = $1 AND e.program_id = $2 AND e.status = $3 AND e.application_id IS NOT NULL
                          AND ($5::uuid IS NULL OR e.group_id = $5)
                          AND ($6::text IS NULL OR e.group_id = (
                              SELECT g.id FROM groups g
                              WHERE g.workspace_id = $1 AND g.program_id = $2 AND g.slug = $6 AND g.deleted_at IS NULL))
                          AND ($7::uuid IS NULL OR e.partner_id = $7)
                        ORDER BY e.id "
                    + $order
                    + " LIMIT $10 OFFSET $11",
                workspace_id as _,
                program_id as _,
                filter.status.as_str(),
                filter.country.as_ref().map(Country::as_str),
                group_id as _,
                slug,
                filter.partner.partner_id as _,
                filter.partner.email_normalized.as_deref(),
                filter.partner.words.as_deref() as _,
                page.limit,
                page.offset,
            )
            .fetch_all(conn)
            .await?
        };
    }
    macro_rules! sorted {
        ($order:literal) => {
            if filter.needs_partners() {
                query!(
                    " FROM (SELECT p.* FROM partners p
                            WHERE p.workspace_id = $1
                              AND ($4::text IS NULL OR p.country = $4)
                              AND ($8::text IS NULL OR p.email_normalized = $8)
                              AND ($9::text[] IS NULL OR concat_ws(' ', p.name, p.email, p.company_name) ~ ALL ($9))
                            OFFSET 0) p
                      JOIN enrollments e ON e.partner_id = p.id WHERE",
                    $order
                )
            } else {
                query!(
                    " FROM enrollments e JOIN partners p ON p.workspace_id = $1 AND p.id = e.partner_id
                      WHERE $4::text IS NULL AND $8::text IS NULL AND $9::text[] IS NULL AND",
                    $order
                )
            }
        };
    }
    Ok(match filter.order {
        SortOrder::Asc => sorted!("ASC"),
        SortOrder::Desc => sorted!("DESC"),
    })
}

/// Writes the reasons of a rejection to a locked enrollment.
pub(super) async fn update_rejection(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
    rejection: &Rejection,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::update_rejection */
         UPDATE enrollments
         SET rejection_reason = $3, rejection_note = $4, reapplication_timeframe = $5, fraud_suspicion = $6
         WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
        rejection.reason.map(RejectionReason::as_str),
        rejection.note.as_ref().map(Bounded::as_str),
        rejection.timeframe.as_str(),
        rejection.fraud_suspicion.as_ref().map(Bounded::as_str),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves a locked enrollment to another group.
pub(super) async fn update_group(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    id: EnrollmentId,
    group_id: GroupId,
) -> Result<()> {
    sqlx::query!(
        "/* enrollments::update_group */ UPDATE enrollments SET group_id = $3 WHERE workspace_id = $1 AND id = $2",
        workspace_id as _,
        id as _,
        group_id as _,
    )
    .execute(conn)
    .await?;
    Ok(())
}
