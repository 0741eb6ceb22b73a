//! The rules for changing a partner.

use serde_json::json;

use super::request::PartnerChanges;
use super::store;
use crate::audit_logs::Action;
use crate::enrollments::enroll::give_default_links;
use crate::error::{Error, Result};
use crate::groups;
use crate::links::{self, LinkOwner};
use crate::partners;
use crate::values::ProgramScope;
use crate::values::id::PartnerId;
use crate::work::{Command, Work};

/// Changes a partner. Changes that leave everything as before write nothing. The rows are locked before the present
/// values are compared, so that two requests that change different members both take effect.
///
/// Fails with 404 for a partner or a group that does not exist, with 409 for a tenant id of another partner.
pub(super) struct UpdatePartner {
    pub(super) scope: ProgramScope,
    pub(super) partner_id: PartnerId,
    pub(super) changes: PartnerChanges,
}

impl Command for UpdatePartner {
    const NAME: &'static str = "update_partner";
    type Output = ();

    async fn apply(&self, work: &mut Work<'_>) -> Result<()> {
        let Self { scope, partner_id, ref changes } = *self;
        let ProgramScope { workspace_id, program_id } = scope;
        // The group is locked before the enrollment, in the order of a request that deletes a group.
        let group_id = match &changes.group {
            None => None,
            Some(group) => {
                groups::lock_group_shared(work.conn, scope, group).await?.ok_or_else(groups::no_group).map(Some)?
            }
        };
        let enrollment = store::lock_enrollment(work.conn, scope, partner_id).await?;
        let mut enrollment = enrollment.ok_or_else(Error::not_enrolled)?;

        let mut profile = partners::lock_profile(work.conn, workspace_id, partner_id).await?;
        let mut changed = changes.profile.apply_to(&mut profile);
        if !changed.is_empty() {
            partners::update_profile(work.conn, workspace_id, partner_id, &profile).await?;
        }

        let moves = group_id.is_some_and(|id| id != enrollment.group_id);
        enrollment.group_id = group_id.unwrap_or(enrollment.group_id);
        let renames = changes.tenant_id.apply_to(&mut enrollment.tenant_id);
        let mut metadata = Some(enrollment.metadata.0);
        let annotates = changes.metadata.apply_to(&mut metadata);
        enrollment.metadata.0 = metadata.unwrap_or_default();
        let differences = [("groupId", moves), ("tenantId", renames), ("metadata", annotates)];
        if differences.iter().any(|(_, differs)| *differs) {
            if let Some(tenant_id) = enrollment.tenant_id.as_deref().filter(|_| renames)
                && store::tenant_id_exists(work.conn, scope, tenant_id).await?
            {
                return Err(Error::conflict("The tenantId belongs to another partner of this program."));
            }
            store::update_enrollment(work.conn, workspace_id, &enrollment).await?;
            changed.extend(differences.into_iter().filter_map(|(name, differs)| differs.then_some(name)));
        }
        if renames {
            let tenant_id = enrollment.tenant_id.as_deref();
            let owner = LinkOwner { workspace_id, program_id, partner_id };
            links::update_tenant_id_of_partner_links(work.conn, owner, tenant_id).await?;
        }
        if moves {
            give_default_links(work, enrollment.id).await?;
        }
        if changed.is_empty() {
            return Ok(());
        }
        work.audit(program_id, Action::PartnerUpdated, partner_id, json!({ "changed": changed })).await
    }
}
