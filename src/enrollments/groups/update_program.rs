//! The change of a program and, if the site of the program changes, of the default links to that site.

use super::default_links::follow_default_links;
use crate::domains;
use crate::error::{Error, Result};
use crate::groups;
use crate::programs::{self, ProgramChanges};
use crate::values::ProgramScope;
use crate::values::id::GroupId;
use crate::work::{Actor, Command, Executor, Work};

/// Changes a program. Default links to the old site get the new site as target, and links that were created for these
/// default links follow, as after the change of a group. If the call ends before the last link has followed, the same
/// call continues.
///
/// # Errors
/// The errors of [`programs::update_program`]; 404 when the program has no such domain; 409 when a group does not allow
/// links to the new site; 503 when there are more links than can be changed in time.
pub async fn update_program(
    executor: &Executor,
    actor: impl Into<Actor>,
    scope: ProgramScope,
    changes: ProgramChanges,
) -> Result<()> {
    let actor = actor.into();
    for group_id in executor.run(actor, UpdateProgram { scope, changes }).await? {
        follow_default_links(executor, actor, scope, group_id).await?;
    }
    Ok(())
}

/// Changes a program and the default links of its groups. Returns the groups with default links to the named site.
struct UpdateProgram {
    scope: ProgramScope,
    changes: ProgramChanges,
}

impl Command for UpdateProgram {
    const NAME: &'static str = "update_program";
    type Output = Vec<GroupId>;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Vec<GroupId>> {
        let Self { scope, ref changes } = *self;
        if changes.default_domain_id.is_some()
            && domains::find_domain(work.conn, scope, changes.default_domain_id).await?.is_none()
        {
            return Err(Error::not_found("The program has no such domain."));
        }
        let now = work.now();
        let previous_url = programs::update_program(work.conn, scope, changes, now).await?;
        let Some(url) = changes.url.as_deref() else { return Ok(Vec::new()) };
        if url != previous_url {
            groups::retarget_default_links(work, scope, &previous_url, url).await?;
        }
        groups::list_groups_with_default_link_to(work.conn, scope, url).await
    }
}
