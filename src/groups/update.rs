//! Changing a group, and the links of its partners with it.

use std::sync::Arc;

use super::member_store;
use super::model::{Actor, Group};
use super::request::Changes;
use super::{service, store};
use crate::error::Result;
use crate::id::{EnrollmentId, GroupId};
use crate::programs::GroupRef;
use crate::state::AppState;

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
        .run("update_group", move |conn, _| {
            let (ids, request) = (Arc::clone(&ids), Arc::clone(&request));
            Box::pin(async move { service::update_group(conn, &ids, now, actor, &request.0, &request.1).await })
        })
        .await?;
    follow(app, actor, id).await?;
    let Actor { workspace_id, program_id, .. } = actor;
    let found = app
        .db
        .read("find_group", move |conn| {
            Box::pin(async move { store::find_group(conn, workspace_id, program_id, &GroupRef::Id(id)).await })
        })
        .await?;
    found.ok_or_else(service::no_group)
}

async fn follow(app: &AppState, Actor { workspace_id, program_id, .. }: Actor, id: GroupId) -> Result<()> {
    let version = app
        .db
        .read("find_version_to_follow", move |conn| {
            Box::pin(member_store::find_version_to_follow(conn, workspace_id, id))
        })
        .await?;
    let Some(version) = version else { return Ok(()) };
    let now = app.clock.now();
    let mut last: Option<EnrollmentId> = None;
    loop {
        last = app
            .db
            .run("follow_default_links", move |conn, _| {
                Box::pin(async move {
                    // First the enrollments, then their links in a statement that sees what was made until then.
                    let members = member_store::lock_followers(conn, workspace_id, program_id, id, last, BATCH).await?;
                    let partners: Vec<_> = members.iter().map(|member| member.partner_id).collect();
                    member_store::update_following_links(conn, workspace_id, program_id, id, &partners, now).await?;
                    Ok(members.last().map(|member| member.id))
                })
            })
            .await?;
        if last.is_none() {
            break;
        }
    }
    app.db
        .run("forget_previous_urls", move |conn, _| {
            Box::pin(member_store::forget_previous_urls(conn, workspace_id, id, version))
        })
        .await
}
