//! Changing a group, and the links of its partners with it.

use std::sync::Arc;

use super::member_store::{self, Progress};
use crate::db::Db;
use crate::error::Result;
use crate::groups::model::{Actor, Group};
use crate::groups::request::Changes;
use crate::groups::{GroupRef, no_group};
use crate::groups::{service, store};
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::GroupId;

/// So many partners at a time: no transaction, and no lock in it, lasts longer than the change of a few links.
const BATCH: i64 = 1_000;

/// Changes a group. Where a default link leads elsewhere now, the links of the group's partners that were made for it
/// and still lead where it led follow, in transactions of their own. If the call ends before the last of them, the
/// next change of the group, also one that changes nothing, goes on.
///
/// # Errors
/// Those of [`service::update_group`]; 503 when there are more links than can follow in time.
pub(super) async fn update(app: &AppState, actor: Actor, group: GroupRef, changes: Changes) -> Result<Group> {
    let (ids, now) = (Arc::clone(&app.ids), app.clock.now());
    let request = Arc::new((group, changes));
    let id = app
        .db
        .tenant(actor.workspace_id)
        .run("update_group", move |conn, _| {
            let (ids, request) = (Arc::clone(&ids), Arc::clone(&request));
            Box::pin(async move { service::update_group(conn, &ids, now, actor, &request.0, &request.1).await })
        })
        .await?;
    let Actor { workspace_id, program_id, .. } = actor;
    follow(&app.db, now, ProgramScope { workspace_id, program_id }, id).await?;
    let found = app
        .db
        .tenant(workspace_id)
        .read("find_group", move |conn| {
            Box::pin(async move { store::find_group(conn, workspace_id, program_id, &GroupRef::Id(id), true).await })
        })
        .await?;
    found.ok_or_else(no_group)
}

/// Lets the links of a group's partners follow its default links, from where the last call came to.
///
/// # Errors
/// 503 when there are more than can follow in time.
pub(super) async fn follow(
    db: &Db,
    now: Timestamp,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    id: GroupId,
) -> Result<()> {
    loop {
        let progress = db
            .tenant(workspace_id)
            .read("find_progress", move |conn| Box::pin(member_store::find_progress(conn, workspace_id, id)))
            .await?;
        let Some(Progress { version, follow_after }) = progress else { return Ok(()) };
        let last = db
            .tenant(workspace_id)
            .run("follow_default_links", move |conn, _| {
                Box::pin(async move {
                    // First the enrollments, then their links in a statement that sees what was made until then.
                    let members =
                        member_store::lock_members(conn, workspace_id, program_id, id, follow_after, BATCH).await?;
                    let partners: Vec<_> = members.iter().map(|member| member.partner_id).collect();
                    member_store::update_following_links(conn, workspace_id, program_id, id, &partners, now).await?;
                    Ok(members.last().map(|member| member.id))
                })
            })
            .await?;
        // On its own: whoever changes the group does not wait for enrollments, nor they for that.
        db.tenant(workspace_id)
            .run("note_progress", move |conn, _| match last {
                Some(last) => Box::pin(member_store::note_progress(conn, workspace_id, id, version, last)),
                None => Box::pin(member_store::forget_previous_urls(conn, workspace_id, id, version)),
            })
            .await?;
    }
}
