//! Queries of applications on `enrollments`.
#![allow(clippy::missing_errors_doc, reason = "every query fails as the database does: see error.rs")]

use sqlx::PgConnection;

use super::answer::ApplicationRow;
use super::model::{Rejection, RejectionReason};
use crate::error::Result;
use crate::http::extract::Page;
use crate::id::{EnrollmentId, GroupId, ProgramId, WorkspaceId};
use crate::partners::Country;
use crate::programs::GroupRef;
use crate::validation::Bounded;

/// The applications of a program, newest first, of one country or group if these are named.
pub(super) async fn list_applications(
    conn: &mut PgConnection,
    workspace_id: WorkspaceId,
    program_id: ProgramId,
    (country, group): (Option<&Country>, Option<&GroupRef>),
    page: Page,
) -> Result<Vec<ApplicationRow>> {
    let (group_id, slug) = match group {
        Some(GroupRef::Id(id)) => (Some(*id), None),
        Some(GroupRef::Slug(slug)) => (None, Some(slug.as_str())),
        None => (None, None),
    };
    let rows = sqlx::query_as!(
        ApplicationRow,
        r#"/* enrollments::list_applications */
         SELECT e.application_id AS "id!", e.created_at, p.id AS partner_id, p.name, p.company_name, p.email, p.image,
                p.description, p.country, e.group_id, e.status, p.website, p.youtube, p.twitter, p.linkedin,
                p.instagram, p.tiktok
         FROM enrollments e JOIN partners p ON p.workspace_id = e.workspace_id AND p.id = e.partner_id
         WHERE e.workspace_id = $1 AND e.program_id = $2 AND e.status = 'pending'
           AND ($3::text IS NULL OR p.country = $3) AND ($4::uuid IS NULL OR e.group_id = $4)
           AND ($5::text IS NULL OR e.group_id = (
               SELECT g.id FROM groups g
               WHERE g.workspace_id = $1 AND g.program_id = $2 AND g.slug = $5 AND g.deleted_at IS NULL))
         ORDER BY e.created_at DESC, e.id DESC
         LIMIT $6 OFFSET $7"#,
        workspace_id as _,
        program_id as _,
        country.map(Country::as_str),
        group_id as _,
        slug,
        page.limit,
        page.offset,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// What the application of a locked enrollment was refused with.
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
