//! Links that follow the default link for which they were created.

use sqlx::PgConnection;

use super::store;
use crate::error::Result;
use crate::groups::{self, FollowProgress};
use crate::links;
use crate::values::ProgramScope;
use crate::values::id::{EnrollmentId, GroupId};
use crate::work::{Actor, Command, Executor, Query, Work};

/// The number of partners whose links are changed in one transaction: each transaction, and each lock, is short.
const BATCH: i64 = 1_000;

/// Points the links of a group's partners to the present targets of the group's default links, and continues after the
/// last batch of an earlier call. Links that a partner or the customer has pointed elsewhere stay as they are.
///
/// # Errors
/// 503 when there are more links than can be changed in time.
pub(super) async fn follow_default_links(
    executor: &Executor,
    actor: Actor,
    scope: ProgramScope,
    group_id: GroupId,
) -> Result<()> {
    while let Some(FollowProgress { version, follow_after }) =
        executor.read(scope.workspace_id, FindProgress { scope, group_id }).await?
    {
        let last = executor.run(actor, FollowDefaultLinks { scope, group_id, follow_after }).await?;
        // The progress is written in a separate transaction, so that changes of the group and locked enrollments do not
        // wait for each other.
        executor.run(actor, WriteProgress { group_id, version, last }).await?;
    }
    Ok(())
}

/// Finds the progress of the links of a group's partners in following the default links. `None` when no link has to
/// follow.
struct FindProgress {
    scope: ProgramScope,
    group_id: GroupId,
}

impl Query for FindProgress {
    const NAME: &'static str = "find_progress";
    type Output = Option<FollowProgress>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Option<FollowProgress>> {
        groups::find_follow_progress(conn, self.scope.workspace_id, self.group_id).await
    }
}

/// Points the links of the next partners of a group to the targets of the default links. Returns the last enrollment
/// of the batch, `None` after the last batch.
struct FollowDefaultLinks {
    scope: ProgramScope,
    group_id: GroupId,
    follow_after: Option<EnrollmentId>,
}

impl Command for FollowDefaultLinks {
    const NAME: &'static str = "follow_default_links";
    type Output = Option<EnrollmentId>;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Option<EnrollmentId>> {
        let Self { scope, group_id, follow_after } = *self;
        // The enrollments are locked first. The second statement then sees every link that was created before the lock.
        let members = store::lock_members(work.conn, scope, group_id, follow_after, BATCH).await?;
        let partners: Vec<_> = members.iter().map(|member| member.partner_id).collect();
        let now = work.now();
        links::follow_default_links(work.conn, scope, group_id, &partners, now).await?;
        Ok(members.last().map(|member| member.id))
    }
}

/// Writes the progress of the links of a group's partners: all links up to the enrollment `last` have followed, or all
/// links of the group when `last` is `None`.
struct WriteProgress {
    group_id: GroupId,
    /// The version of the group that the links have followed.
    version: i32,
    last: Option<EnrollmentId>,
}

impl Command for WriteProgress {
    const NAME: &'static str = "write_progress";
    type Output = ();

    async fn apply(&self, work: &mut Work<'_>) -> Result<()> {
        let Self { group_id, version, last } = *self;
        let workspace_id = work.actor.workspace_id;
        match last {
            Some(last) => groups::update_follow_progress(work.conn, workspace_id, group_id, version, last).await,
            None => groups::delete_previous_urls(work.conn, workspace_id, group_id, version).await,
        }
    }
}
