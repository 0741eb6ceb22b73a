//! The deletion of a group and, after that, the move of its partners.

use serde::Serialize;
use sqlx::PgConnection;

use super::store::{self, ClosedGroup};
use crate::error::{Code, Error, Result};
use crate::groups::{self, GroupRef, no_group};
use crate::values::ProgramScope;
use crate::values::id::GroupId;
use crate::work::{Actor, Command, Executor, Work};

/// The number of partners that move in one transaction: each transaction, and each lock, is short.
const BATCH: i64 = 1_000;

/// The answer about a deleted group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletedGroup {
    id: GroupId,
    moved_to: GroupId,
    /// The number of partners that this request has moved.
    moved_partners: u64,
}

/// Deletes a group and moves its partners to another group. The group is closed in the first transaction, and the
/// partners move in further transactions. If the request ends before the last partner has moved, a repeated request
/// continues.
///
/// # Errors
/// The errors of [`CloseGroup`]; 503 when there are more partners than can be moved in time.
pub(super) async fn delete_group(
    executor: &Executor,
    actor: impl Into<Actor>,
    request: CloseGroup,
) -> Result<DeletedGroup> {
    let (actor, scope) = (actor.into(), request.scope);
    let id = executor.run(actor, request).await?;
    let mut moved_partners = 0;
    loop {
        let batch = executor.run(actor, MovePartners { scope, from: id }).await;
        // The message names the id: the slug is free by now and may belong to another group at the next request.
        let MovedPartners { to, count } = batch.map_err(|error| match error.code() {
            Code::ServiceUnavailable => Error::unfinished(
                format!(
                    "The group is deleted, but has partners yet. Send the request again with the id {id} in its path."
                ),
                error,
            ),
            _ => error,
        })?;
        moved_partners += count;
        if count == 0 {
            return Ok(DeletedGroup { id, moved_to: to, moved_partners });
        }
    }
}

/// Closes a group: no enrollment can be created in the group or moved to the group any more. `move_to` is the group for
/// its partners; `None` means the program's default group. Closing a closed group again returns the group if the group
/// still has partners.
///
/// Fails with 404 for a group that is unknown, or deleted and empty; with 409 for the default group, and for a repeated
/// request that names another target; with 422 when the target is the group itself.
pub(super) struct CloseGroup {
    pub(super) scope: ProgramScope,
    pub(super) group: GroupRef,
    pub(super) move_to: Option<GroupRef>,
}

impl Command for CloseGroup {
    const NAME: &'static str = "delete_group";
    type Output = GroupId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<GroupId> {
        let closed = groups::close_group(work, self.scope, &self.group, self.move_to.as_ref()).await?;
        match closed {
            Some(id) => Ok(id),
            None => self.find_closed_group(work.conn).await,
        }
    }
}

impl CloseGroup {
    /// Returns the group that an earlier request has closed. The earlier request has chosen the target. The repeated
    /// request may name the same target, even if the target no longer exists.
    async fn find_closed_group(&self, conn: &mut PgConnection) -> Result<GroupId> {
        let closed = store::find_closed_group(conn, self.scope, &self.group).await?;
        let ClosedGroup { id, moved_to } = closed.ok_or_else(no_group)?;
        if let Some(target) = &self.move_to {
            let target = groups::find_group_id(conn, self.scope, target).await?;
            if target.is_some() && target != moved_to {
                return Err(Error::conflict("The group is deleted already, and its partners go to another group."));
            }
        }
        Ok(id)
    }
}

/// Moves some partners of a closed group to the group's target.
struct MovePartners {
    scope: ProgramScope,
    from: GroupId,
}

/// The target of a move, and the number of moved partners.
struct MovedPartners {
    to: GroupId,
    count: u64,
}

impl Command for MovePartners {
    const NAME: &'static str = "move_partners";
    type Output = MovedPartners;

    async fn apply(&self, work: &mut Work<'_>) -> Result<MovedPartners> {
        let Self { scope, from } = *self;
        let to = groups::lock_move_target(work.conn, scope.workspace_id, from).await?.ok_or_else(Error::lost_race)?;
        let count = store::move_partners(work.conn, scope, (from, to), BATCH).await?;
        Ok(MovedPartners { to, count })
    }
}
