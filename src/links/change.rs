//! Changing and deleting links, whichever dialect asks.

use serde_json::json;
use sqlx::PgConnection;

use super::creation;
use super::key::LinkKey;
use super::model::{ExternalId, Link, LinkRef};
use super::settings::{SettingChanges, set};
use super::store;
use crate::audit_logs::{self, Action, Entry};
use crate::domains;
use crate::error::{Error, Result};
use crate::tags;
use crate::validation::Change;
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;
use crate::values::id::{ApiKeyId, DomainId, Ids, LinkId, TagId};

/// 404 for a link that does not exist.
pub(crate) fn no_link() -> Error {
    Error::not_found("The link does not exist.")
}

/// What a request wants of a link that is there.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkChanges {
    /// Where it leads.
    pub(crate) url: Option<HttpUrl>,
    /// The domain where it lives.
    pub(crate) domain_id: Option<DomainId>,
    /// The same by its host.
    pub(crate) host: Option<String>,
    /// Its key.
    pub(crate) key: Option<LinkKey>,
    /// Its id in the customer's system.
    pub(crate) external_id: Change<ExternalId>,
    /// The rest.
    pub(crate) settings: SettingChanges,
}

/// The id of the link that a request names.
///
/// # Errors
/// 404 when the program has no such link; a link id is only looked up with the link itself.
pub(crate) async fn find_link_id(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    link: &LinkRef,
) -> Result<LinkId> {
    let found = match link {
        LinkRef::Id(id) => Some(*id),
        LinkRef::External(id) => store::find_id_by_external_id(conn, workspace_id, program_id, id).await?,
        LinkRef::Key(key) => store::find_id_by_key(conn, workspace_id, program_id, key).await?,
    };
    found.ok_or_else(no_link)
}

/// The link that a request names.
///
/// # Errors
/// 404 when the program has no such link.
pub(crate) async fn find_link(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    link: &LinkRef,
) -> Result<Link> {
    let id = find_link_id(conn, ProgramScope { workspace_id, program_id }, link).await?;
    store::find_link(conn, workspace_id, program_id, id).await?.ok_or_else(no_link)
}

/// The link that a request names, which nobody else changes before the end of the transaction.
///
/// # Errors
/// 404 when the program has no such link.
pub(crate) async fn lock_link(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    link: &LinkRef,
) -> Result<Link> {
    let id = find_link_id(conn, ProgramScope { workspace_id, program_id }, link).await?;
    if !store::lock_owner_of(conn, workspace_id, program_id, id).await? {
        return Err(no_link());
    }
    let locked = store::find_link(conn, workspace_id, program_id, id).await?.ok_or_else(no_link)?;
    // Whoever renamed it since it was looked up was faster: the name may be another link's by now.
    if locked.has_name(link) { Ok(locked) } else { Err(Error::lost_race()) }
}

/// Who changes a link, and when.
#[derive(Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub(crate) ids: &'a Ids,
    pub(crate) now: Timestamp,
    pub(crate) api_key_id: ApiKeyId,
}

impl Actor<'_> {
    async fn log(self, conn: &mut PgConnection, link: &Link, action: Action, details: serde_json::Value) -> Result<()> {
        let owner = link.owner;
        let entry = Entry {
            workspace_id: owner.workspace_id,
            program_id: owner.program_id,
            api_key_id: Some(self.api_key_id),
            action,
            target: &link.id.to_string(),
            details,
        };
        audit_logs::insert_entry(conn, self.ids, self.now, &entry).await
    }
}

/// Changes a link that was locked. A change that leaves everything as it is writes nothing.
///
/// # Errors
/// 404 for an unknown domain, 409 for a taken key or external id, 422 for an unknown tag and for an address that the
/// partner's group does not allow.
pub(crate) async fn update_link(
    conn: &mut PgConnection,
    actor: Actor<'_>,
    mut link: Link,
    wanted: &LinkChanges,
) -> Result<()> {
    let owner = link.owner;
    let mut changed = Vec::new();
    if let Some(url) = wanted.url.as_ref().filter(|url| url.as_str() != link.url) {
        creation::find_terms(conn, owner).await?.check_url(url.as_str())?;
        set(&mut changed, "url", &mut link.url, Some(url.as_str().to_owned()));
    }
    set(&mut changed, "domain", &mut link.domain_id, wanted.domain_id);
    if let Some(host) = wanted.host.as_ref().filter(|host| **host != link.host) {
        let domain = domains::find_domain_by_host(
            conn,
            ProgramScope { workspace_id: owner.workspace_id, program_id: owner.program_id },
            host,
        )
        .await?
        .ok_or_else(|| Error::not_found("The domain does not exist."))?;
        set(&mut changed, "domain", &mut link.domain_id, Some(domain));
    }
    let key = wanted.key.as_ref().map(|key| key.as_str().to_owned());
    set(&mut changed, "key", &mut link.key, key);
    let external_id = wanted.external_id.wanted(|id| id.as_str().to_owned());
    set(&mut changed, "externalId", &mut link.external_id, external_id);
    changed.extend(wanted.settings.apply(&mut link.settings));
    let tags = match &wanted.settings.tags {
        Some(tags) => Some(tags::resolve(conn, owner.workspace_id, tags).await?).filter(|tags| differ(&link, tags)),
        None => None,
    };
    if tags.is_some() {
        changed.push("tags");
    }
    if changed.is_empty() {
        return Ok(());
    }
    store::update_link(conn, &link, actor.now).await?;
    if let Some(tags) = tags {
        store::delete_link_tags(conn, owner.workspace_id, link.id).await?;
        store::insert_link_tags(conn, owner.workspace_id, &[link.id], &tags).await?;
    }
    actor.log(conn, &link, Action::LinkUpdated, json!({"changed": changed})).await
}

/// Whether the link has other tags than these.
fn differ(link: &Link, tags: &[TagId]) -> bool {
    link.tags.len() != tags.len() || link.tags.iter().any(|tag| !tags.contains(&tag.id))
}

/// Deletes a link that was locked.
///
/// # Errors
/// 409 for a link that the partner has by its group.
pub(crate) async fn delete_link(conn: &mut PgConnection, actor: Actor<'_>, link: &Link) -> Result<()> {
    if link.is_default {
        return Err(Error::conflict("A default link of the partner's group cannot be deleted."));
    }
    store::delete_link(conn, link.owner.workspace_id, link.id).await?;
    let details = json!({"partnerId": link.owner.partner_id, "key": link.key});
    actor.log(conn, link, Action::LinkDeleted, details).await
}
