//! The change of a group and, after that, of the links of its partners.

use super::default_links::follow_default_links;
use crate::error::Result;
use crate::groups::{self, FindGroup, Group, GroupChanges, GroupRef};
use crate::values::ProgramScope;
use crate::values::id::GroupId;
use crate::work::{Actor, Command, Executor, Work};

/// Changes a group and returns the changed group. When a default link gets another target, the links that were created
/// for that default link and still have the old target follow, in transactions of their own. If the request ends before
/// the last of these links has followed, the next change of the group continues, even if that change is empty.
///
/// # Errors
/// The errors of [`groups::update_group`]; 503 when there are more links than can be changed in time.
pub(super) async fn update_group(executor: &Executor, actor: impl Into<Actor>, change: UpdateGroup) -> Result<Group> {
    let (actor, scope) = (actor.into(), change.scope);
    let id = executor.run(actor, change).await?;
    follow_default_links(executor, actor, scope, id).await?;
    executor.read(scope.workspace_id, FindGroup { scope, group: GroupRef::Id(id) }).await
}

/// Changes a group, without the links of its partners.
pub(super) struct UpdateGroup {
    pub(super) scope: ProgramScope,
    pub(super) group: GroupRef,
    pub(super) changes: GroupChanges,
}

impl Command for UpdateGroup {
    const NAME: &'static str = "update_group";
    type Output = GroupId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<GroupId> {
        groups::update_group(work, self.scope, &self.group, &self.changes).await
    }
}
