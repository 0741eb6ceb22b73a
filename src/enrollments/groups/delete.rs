//! Deleting a group and moving its partners.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;

use super::member_store::{self, ClosedGroup};
use crate::audit_logs::Action;
use crate::error::{Code, Error, Result};
use crate::groups::model::Actor;
use crate::groups::service::write_entry;
use crate::groups::store;
use crate::groups::{GroupRef, find_group_id, no_group};
use crate::surfaces::state::AppState;
use crate::validation::{Problem, ProblemCode};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{GroupId, Ids};

/// So many partners at a time: no transaction, and no lock in it, lasts longer than the move of a few.
const BATCH: i64 = 1_000;

/// A group that was deleted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletedGroup {
    id: GroupId,
    moved_to: GroupId,
    /// Those that this call has moved.
    moved_partners: u64,
}

/// Deletes a group and moves its partners to another one, the program's default group if none is named. The group is
/// closed in the first transaction, then the partners are moved in others. If the call ends before the last of them,
/// a repeated one goes on.
///
/// # Errors
/// 404 for a group that is unknown, or deleted and empty; 409 for the default group, and for a repeated call that names
/// another target; 422 when the partners are to stay
/// in it; 503 when they are more than can be moved in time.
pub(super) async fn delete(
    app: &AppState,
    actor: Actor,
    group: GroupRef,
    move_to: Option<GroupRef>,
) -> Result<DeletedGroup> {
    let (ids, now) = (Arc::clone(&app.ids), app.clock.now());
    let request = Arc::new((group, move_to));
    let id = app
        .db
        .tenant(actor.workspace_id)
        .run("delete_group", move |conn, _| {
            let (ids, request) = (Arc::clone(&ids), Arc::clone(&request));
            Box::pin(async move { close(conn, &ids, now, actor, &request.0, request.1.as_ref()).await })
        })
        .await?;
    let mut moved_partners = 0;
    loop {
        let batch = app
            .db
            .tenant(actor.workspace_id)
            .run("move_partners", move |conn, _| Box::pin(move_some(conn, actor, id)))
            .await;
        // The slug is free by now and may be that of another group when the caller asks again.
        let (to, moved) = batch.map_err(|error| match error.code() {
            Code::ServiceUnavailable => Error::unfinished(
                format!(
                    "The group is deleted, but has partners yet. Send the request again with the id {id} in its path."
                ),
                error,
            ),
            _ => error,
        })?;
        moved_partners += moved;
        if moved == 0 {
            return Ok(DeletedGroup { id, moved_to: to, moved_partners });
        }
    }
}

/// From the end of this transaction on nobody comes into the group: it waits for whoever is making an enrollment in
/// it, and who comes later finds it changed.
async fn close(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    group: &GroupRef,
    move_to: Option<&GroupRef>,
) -> Result<GroupId> {
    let Actor { workspace_id, program_id, .. } = actor;
    let default = store::lock_groups_of_program(conn, workspace_id, program_id).await?.ok_or_else(no_group)?;
    let Some(id) = find_group_id(conn, ProgramScope { workspace_id, program_id }, group).await? else {
        return go_on(conn, actor, group, move_to).await;
    };
    if id == default {
        return Err(Error::conflict("The default group cannot be deleted: make another one the default first."));
    }
    let target = match move_to {
        Some(target) => find_group_id(conn, ProgramScope { workspace_id, program_id }, target)
            .await?
            .ok_or_else(|| Error::not_found("The group to move the partners to does not exist."))?,
        None => default,
    };
    if target == id {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "moveTo".to_owned(),
            message: "Must be another group".into(),
        }]));
    }
    store::close_off_group(conn, workspace_id, id).await?;
    store::close_group(conn, workspace_id, program_id, (id, target), now).await?;
    write_entry(conn, ids, now, actor, Action::GroupDeleted, id, json!({ "movedTo": target })).await?;
    Ok(id)
}

/// The group was closed before. Where its partners go was decided then; only a target that is gone may be named once
/// more, as in the first request.
async fn go_on(
    conn: &mut PgConnection,
    Actor { workspace_id, program_id, .. }: Actor,
    group: &GroupRef,
    move_to: Option<&GroupRef>,
) -> Result<GroupId> {
    let closed = member_store::find_closed_group(conn, workspace_id, program_id, group).await?;
    let ClosedGroup { id, moved_to } = closed.ok_or_else(no_group)?;
    if let Some(target) = move_to {
        let target = find_group_id(conn, ProgramScope { workspace_id, program_id }, target).await?;
        if target.is_some() && target != moved_to {
            return Err(Error::conflict("The group is deleted already, and its partners go to another group."));
        }
    }
    Ok(id)
}

/// Moves some of the partners of a closed group: where to, and how many.
async fn move_some(conn: &mut PgConnection, actor: Actor, id: GroupId) -> Result<(GroupId, u64)> {
    let Actor { workspace_id, program_id, .. } = actor;
    let target = member_store::lock_move_target(conn, workspace_id, id).await?.ok_or_else(Error::lost_race)?;
    let moved = member_store::move_partners(conn, workspace_id, program_id, (id, target), BATCH).await?;
    Ok((target, moved))
}
