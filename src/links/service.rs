//! Reading, changing and deleting links, for every format of the API.

use serde_json::json;
use sqlx::PgConnection;

use super::creation;
use super::model::{Link, LinkChanges, LinkRef};
use super::settings::set;
use super::store;
use crate::audit_logs::Action;
use crate::domains;
use crate::error::{Error, Result};
use crate::tags;
use crate::values::ProgramScope;
use crate::values::id::{LinkId, TagId};
use crate::work::{Command, Query, Work};

/// Returns the error for a link that does not exist.
pub(crate) fn no_link() -> Error {
    Error::not_found("The link does not exist.")
}

/// Finds a link.
///
/// Fails with 404 when the program has no such link.
pub(crate) struct FindLink {
    pub(crate) scope: ProgramScope,
    pub(crate) link: LinkRef,
}

impl Query for FindLink {
    const NAME: &'static str = "find_link";
    type Output = Link;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Link> {
        let id = find_link_id(conn, self.scope, &self.link).await?;
        load_link(conn, self.scope, id).await
    }
}

/// Changes a link.
///
/// Fails with 404 when the program has no such link, else as [`update_link`].
pub(super) struct UpdateLink {
    pub(super) scope: ProgramScope,
    pub(super) link: LinkRef,
    pub(super) changes: LinkChanges,
}

impl Command for UpdateLink {
    const NAME: &'static str = "update_link";
    type Output = Link;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Link> {
        let link = lock_link(work.conn, self.scope, &self.link).await?;
        let id = link.id;
        update_link(work, link, &self.changes).await?;
        // The link is found by its id, because the change may have renamed the link.
        load_link(work.conn, self.scope, id).await
    }
}

/// Deletes a link and returns its id.
///
/// Fails with 404 when the program has no such link, with 409 for a default link of the partner's group.
pub(crate) struct DeleteLink {
    pub(crate) scope: ProgramScope,
    pub(crate) link: LinkRef,
}

impl Command for DeleteLink {
    const NAME: &'static str = "delete_link";
    type Output = LinkId;

    async fn apply(&self, work: &mut Work<'_>) -> Result<LinkId> {
        let link = lock_link(work.conn, self.scope, &self.link).await?;
        if link.is_default {
            return Err(Error::conflict("A default link of the partner's group cannot be deleted."));
        }
        store::delete_link(work.conn, link.owner.workspace_id, link.id).await?;
        let details = json!({"partnerId": link.owner.partner_id, "key": link.key});
        work.audit(link.owner.program_id, Action::LinkDeleted, link.id, details).await?;
        Ok(link.id)
    }
}

/// Returns the id of the link that a reference means. An id is not looked up here, only together with the link.
///
/// # Errors
/// 404 when the program has no link with this external id or key.
async fn find_link_id(conn: &mut PgConnection, scope: ProgramScope, link: &LinkRef) -> Result<LinkId> {
    let found = match link {
        LinkRef::Id(id) => Some(*id),
        LinkRef::External(id) => store::find_id_by_external_id(conn, scope, id).await?,
        LinkRef::Key(key) => store::find_id_by_key(conn, scope, key).await?,
    };
    found.ok_or_else(no_link)
}

/// Returns the link with an id.
///
/// # Errors
/// 404 when the program has no such link.
pub(super) async fn load_link(conn: &mut PgConnection, scope: ProgramScope, id: LinkId) -> Result<Link> {
    store::find_link(conn, scope, id).await?.ok_or_else(no_link)
}

/// Returns the link that a reference means, and locks the enrollment of the link: no other transaction changes the link
/// before the end of this transaction.
///
/// # Errors
/// 404 when the program has no such link.
pub(super) async fn lock_link(conn: &mut PgConnection, scope: ProgramScope, link: &LinkRef) -> Result<Link> {
    let id = find_link_id(conn, scope, link).await?;
    if !store::lock_enrollment(conn, scope, id).await? {
        return Err(no_link());
    }
    let locked = load_link(conn, scope, id).await?;
    // Another request may have renamed the link between look-up and lock, and given its name to another link.
    if locked.has_name(link) { Ok(locked) } else { Err(Error::lost_race()) }
}

/// Changes a locked link. A change without effect writes nothing.
///
/// # Errors
/// 404 for an unknown domain, 409 for a taken key or external id, 422 for an unknown tag and for a URL that the
/// partner's group does not allow.
pub(super) async fn update_link(work: &mut Work<'_>, mut link: Link, wanted: &LinkChanges) -> Result<()> {
    let owner = link.owner;
    let mut changed = Vec::new();
    if let Some(url) = wanted.url.as_ref().filter(|url| url.as_str() != link.url) {
        creation::find_terms(work.conn, owner).await?.check_url(url.as_str())?;
        set(&mut changed, "url", &mut link.url, Some(url.as_str().to_owned()));
    }
    set(&mut changed, "domain", &mut link.domain_id, wanted.domain_id);
    if let Some(host) = wanted.host.as_ref().filter(|host| **host != link.host) {
        let domain = domains::find_domain_by_host(work.conn, owner.scope(), host).await?;
        set(&mut changed, "domain", &mut link.domain_id, Some(domain.ok_or_else(domains::no_domain)?));
    }
    let key = wanted.key.as_ref().map(|key| key.as_str().to_owned());
    set(&mut changed, "key", &mut link.key, key);
    let external_id = wanted.external_id.wanted(|id| id.as_str().to_owned());
    set(&mut changed, "externalId", &mut link.external_id, external_id);
    changed.extend(wanted.settings.apply(&mut link.settings));
    let tags = match &wanted.settings.tags {
        Some(tags) => {
            Some(tags::resolve(work.conn, owner.workspace_id, tags).await?).filter(|tags| differ(&link, tags))
        }
        None => None,
    };
    if tags.is_some() {
        changed.push("tags");
    }
    if changed.is_empty() {
        return Ok(());
    }
    let now = work.now();
    store::update_link(work.conn, &link, now).await?;
    if let Some(tags) = tags {
        store::delete_link_tags(work.conn, owner.workspace_id, link.id).await?;
        store::insert_link_tags(work.conn, owner.workspace_id, &[link.id], &tags).await?;
    }
    work.audit(owner.program_id, Action::LinkUpdated, link.id, json!({"changed": changed})).await
}

/// Returns whether a link has other tags than these.
fn differ(link: &Link, tags: &[TagId]) -> bool {
    link.tags.len() != tags.len() || link.tags.iter().any(|tag| !tags.contains(&tag.id))
}
