//! The rules for changing a partner.

use serde_json::json;
use sqlx::PgConnection;

use super::request::PartnerChanges;
use super::store;
use crate::audit_logs::{self, Action, Entry};
use crate::enrollments::enroll::give_default_links;
use crate::enrollments::store::update_tenant_id_of_links;
use crate::error::{Error, Result};
use crate::groups;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::{ApiKeyId, Ids, PartnerId, ProgramId, WorkspaceId};

/// Changes to one partner, and who wants them.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) workspace_id: WorkspaceId,
    pub(super) program_id: ProgramId,
    pub(super) api_key_id: ApiKeyId,
    pub(super) partner_id: PartnerId,
    pub(super) changes: PartnerChanges,
}

/// Makes the changes that make a difference. What is there is locked before it is compared, so that two requests which
/// change different things both have their way.
///
/// # Errors
/// 404 for a partner or a group that does not exist, 409 for a tenant id of another partner.
pub(super) async fn update_partner(conn: &mut PgConnection, ids: &Ids, now: Timestamp, update: &Update) -> Result<()> {
    let Update { workspace_id, program_id, api_key_id, partner_id, ref changes } = *update;
    // Before the enrollment: who deletes a group locks it first, then the enrollments in it.
    let group_id = match &changes.group {
        None => None,
        Some(group) => groups::hold_group(conn, ProgramScope { workspace_id, program_id }, group)
            .await?
            .ok_or_else(groups::no_group)
            .map(Some)?,
    };
    let mut enrollment =
        store::lock_enrollment(conn, workspace_id, program_id, partner_id).await?.ok_or_else(Error::not_enrolled)?;

    let mut profile = store::lock_profile(conn, workspace_id, partner_id).await?;
    let mut changed = changes.profile.apply_to(&mut profile);
    if !changed.is_empty() {
        store::update_profile(conn, workspace_id, partner_id, &profile).await?;
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
            && store::tenant_id_exists(conn, workspace_id, program_id, tenant_id).await?
        {
            return Err(Error::conflict("The tenantId belongs to another partner of this program."));
        }
        store::update_enrollment(conn, workspace_id, &enrollment).await?;
        changed.extend(differences.into_iter().filter_map(|(name, differs)| differs.then_some(name)));
    }
    if renames {
        let tenant_id = enrollment.tenant_id.as_deref();
        update_tenant_id_of_links(conn, workspace_id, program_id, partner_id, tenant_id).await?;
    }
    if moves {
        give_default_links(conn, ids, now, workspace_id, enrollment.id).await?;
    }
    if changed.is_empty() {
        return Ok(());
    }
    let entry = Entry {
        workspace_id,
        program_id,
        api_key_id: Some(api_key_id),
        action: Action::PartnerUpdated,
        target: &partner_id.to_string(),
        details: json!({ "changed": changed }),
    };
    audit_logs::insert_entry(conn, ids, now, &entry).await
}
