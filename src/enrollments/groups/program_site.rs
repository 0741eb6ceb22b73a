//! Changing the site of a program, and the default links that lead there with it.

use std::sync::Arc;

use sqlx::PgConnection;

use super::update;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::groups::model::{Actor, Group};
use crate::groups::{AllowedHosts, DefaultLink, GroupRef, no_group};
use crate::groups::{service, store};
use crate::programs::ProgramChanges;
use crate::programs::update_program as change;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::Ids;

/// Changes a program. Default links that led to its old site lead to the new one, and links that were made for them
/// follow as they do when a group is changed. If that ends before the last of them, the same call goes on.
///
/// # Errors
/// Those of [`crate::programs::service::update_program`]; 409 when a group does not allow links to the new site; 503
/// when there are more links than can follow in time.
pub async fn update_program(
    db: &Db,
    ids: &Arc<Ids>,
    now: Timestamp,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    changes: ProgramChanges,
) -> Result<()> {
    let (ids, changes) = (Arc::clone(ids), Arc::new(changes));
    let work = Arc::clone(&changes);
    db.tenant(workspace_id)
        .run("update_program", move |conn, _| {
            let (ids, changes) = (Arc::clone(&ids), Arc::clone(&work));
            Box::pin(async move {
                let previous_url = change(conn, workspace_id, now, program_id, &changes).await?;
                if let Some(url) = changes.url.as_deref().filter(|url| *url != previous_url) {
                    let actor = Actor { workspace_id, program_id, api_key_id: None };
                    lead_to_site(conn, &ids, now, actor, (&previous_url, url)).await?;
                }
                Ok(())
            })
        })
        .await?;
    if changes.url.is_none() {
        return Ok(());
    }
    let groups = db
        .tenant(workspace_id)
        .read("list_groups_that_lead_to", move |conn| {
            let changes = Arc::clone(&changes);
            Box::pin(async move {
                let url = changes.url.as_deref().unwrap_or_default();
                store::list_groups_that_lead_to(conn, workspace_id, program_id, url).await
            })
        })
        .await?;
    for id in groups {
        update::follow(db, now, ProgramScope { workspace_id, program_id }, id).await?;
    }
    Ok(())
}

/// The program is locked: no group changes meanwhile.
async fn lead_to_site(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    actor: Actor,
    (from, to): (&str, &str),
) -> Result<()> {
    let Actor { workspace_id, program_id, .. } = actor;
    for id in store::list_groups_that_lead_to(conn, workspace_id, program_id, from).await? {
        let group = store::find_group(conn, workspace_id, program_id, &GroupRef::Id(id), false).await?;
        let group = group.ok_or_else(no_group)?;
        if !AllowedHosts::from(group.allowed_hosts.clone()).allow(to) {
            let Group { slug, .. } = group;
            let message = format!("The group {slug:?} does not allow links to {to}: change its allowed hosts first.");
            return Err(Error::conflict(message));
        }
        store::close_off_group(conn, workspace_id, id).await?;
        store::update_group(conn, workspace_id, &group, true, now).await?;
        for link in group.default_links.iter().filter(|link| link.url == from) {
            let link = DefaultLink { id: link.id, url: to.to_owned() };
            store::update_default_link(conn, workspace_id, &link).await?;
        }
        service::write_group_updated(conn, ids, now, actor, id, &["defaultLinks"]).await?;
    }
    Ok(())
}
