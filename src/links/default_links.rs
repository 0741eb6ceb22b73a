//! Creation of default links: the links that a group gives to each of its partners.

use super::creation::{MAX_KEY_ATTEMPTS, external_id_taken, no_free_key};
use super::key::KeyBase;
use super::model::{LinkOwner, NewLink};
use super::request::LinkProps;
use super::store;
use crate::error::{Error, Result};
use crate::groups::DefaultLink;
use crate::tags;
use crate::values::id::{DomainId, LinkId};
use crate::work::Work;

/// The default links that a partner is due.
pub(crate) struct DefaultLinks<'a> {
    pub(crate) owner: LinkOwner,
    /// True if the owner is new. A new owner has no links, so no query looks for existing links.
    pub(crate) owner_is_new: bool,
    pub(crate) domain_id: DomainId,
    /// The partner's id in the customer's system.
    pub(crate) tenant_id: Option<&'a str>,
    /// The default links of the group.
    pub(crate) wanted: &'a [DefaultLink],
    /// The text from which keys are derived.
    pub(crate) base: &'a KeyBase,
    /// The properties of the links. The external id goes to the first link only, because external ids are unique.
    pub(crate) props: &'a LinkProps,
}

/// Creates the default links that a partner lacks, each exactly once even if several callers try at the same time. A
/// key that is taken gets a random suffix and is tried again, in the same transaction.
///
/// # Errors
/// 409 when another link has the external id, 422 for a tag that the workspace does not have.
pub(crate) async fn create_default_links(work: &mut Work<'_>, links: &DefaultLinks<'_>) -> Result<()> {
    let several = links.wanted.len() > 1;
    let first = links.wanted.first().map(|link| link.id);
    let mut missing: Vec<&DefaultLink> = links.wanted.iter().collect();
    if !links.owner_is_new {
        let present = store::list_default_link_ids(work.conn, links.owner).await?;
        missing.retain(|wanted| !present.contains(&wanted.id));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let DefaultLinks { owner, domain_id, tenant_id, props, .. } = *links;
    let settings = props.settings.settings();
    let external_id = props.external_id.value();
    let tags = match &props.settings.tags {
        Some(tags) => tags::resolve(work.conn, owner.workspace_id, tags).await?,
        None => Vec::new(),
    };
    let now = work.now();
    for attempt in 0..MAX_KEY_ATTEMPTS {
        // Ids of one millisecond are in no order. Sorted, they keep the links in the order of the group.
        let mut new_ids: Vec<LinkId> = missing.iter().map(|_| work.next_id()).collect();
        new_ids.sort_unstable();
        let tried = missing
            .iter()
            .zip(new_ids)
            .map(|(wanted, id)| {
                let key =
                    links.base.key(several, attempt, work.ids()).map_err(|invalid| Error::internal(invalid.message))?;
                let external_id = external_id.filter(|_| first == Some(wanted.id)).cloned();
                Ok(NewLink { id, key, url: wanted.url.clone(), default_link_id: Some(wanted.id), external_id })
            })
            .collect::<Result<Vec<_>>>()?;
        let inserted = store::insert_links(work.conn, owner, domain_id, tenant_id, &tried, &settings, now).await?;
        if !tags.is_empty() && !inserted.is_empty() {
            store::insert_link_tags(work.conn, owner.workspace_id, &inserted, &tags).await?;
        }
        if inserted.len() == tried.len() {
            return Ok(());
        }
        let present = store::list_default_link_ids(work.conn, owner).await?;
        missing.retain(|wanted| !present.contains(&wanted.id));
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(external_id) = external_id.filter(|_| missing.iter().any(|link| first == Some(link.id)))
            && store::external_id_exists(work.conn, owner.workspace_id, external_id).await?
        {
            return Err(external_id_taken());
        }
    }
    Err(no_free_key())
}
