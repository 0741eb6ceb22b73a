//! The default links of existing enrollments.

use crate::enrollments::store;
use crate::error::{Error, Result};
use crate::groups::{self, GroupRef};
use crate::links::{DefaultLinks, KeyBase, LinkOwner, LinkProps, Names, create_default_links};
use crate::values::ProgramScope;
use crate::values::id::EnrollmentId;
use crate::work::Work;

/// Creates the default links of its group that an enrollment lacks, as for a new enrollment without `linkProps`.
///
/// Locks the enrollment: two transactions that insert several links in different orders would wait for each other, and
/// links that are inserted while another transaction binds a tenant id would lack that tenant id.
pub(in crate::enrollments) async fn give_default_links(work: &mut Work<'_>, enrollment_id: EnrollmentId) -> Result<()> {
    let workspace_id = work.actor.workspace_id;
    let locked = store::lock_link_terms(work.conn, workspace_id, enrollment_id).await?.ok_or_else(Error::lost_race)?;
    let scope = ProgramScope { workspace_id, program_id: locked.program_id };
    // The group is the present group, because the enrollment may have moved since the caller read the enrollment. The
    // terms are `None` while that group is being deleted.
    let group = GroupRef::Id(locked.group_id);
    let terms = groups::find_enrollment_terms(work.conn, scope, Some(&group)).await?.ok_or_else(Error::lost_race)?;
    let (username, name) = (locked.username.as_deref(), locked.name.as_deref());
    let names = Names { username, name, email: &locked.email };
    let links = DefaultLinks {
        owner: LinkOwner { workspace_id, program_id: locked.program_id, partner_id: locked.partner_id },
        domain_id: terms.domain_id,
        tenant_id: locked.tenant_id.as_deref(),
        wanted: &terms.default_links,
        base: &KeyBase::derive(&names, None, work.ids()),
        props: &LinkProps::default(),
    };
    create_default_links(work, &links).await
}
