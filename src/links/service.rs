//! The rules for making links.

use sqlx::PgConnection;

use super::key::KeyBase;
use super::model::{LinkOwner, NewLink};
use super::props::LinkProps;
use super::store;
use crate::error::{Error, Result};
use crate::groups::DefaultLink;
use crate::tags;
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, Ids, LinkId};

/// A suffix of four characters out of 32 is taken a second time so rarely that this many tries only end when
/// something else is wrong.
pub(crate) const MAX_KEY_ATTEMPTS: u32 = 10;

/// The default links that a partner is to get.
pub(crate) struct DefaultLinks<'a> {
    /// Whose.
    pub owner: LinkOwner,
    /// Whether it cannot have any link yet, which saves asking.
    pub owner_is_new: bool,
    /// Where they live.
    pub domain_id: DomainId,
    /// The partner's id in the customer's system.
    pub tenant_id: Option<&'a str>,
    /// What the group gives.
    pub wanted: &'a [DefaultLink],
    /// What their keys are made of.
    pub base: &'a KeyBase,
    /// Their properties. The external id goes to the first of them, as it must be unique.
    pub props: &'a LinkProps,
}

/// Gives a partner the default links that it lacks, each exactly once however many callers try at the same time.
/// A key that is taken gets a random suffix and is tried again, all in the caller's transaction.
///
/// # Errors
/// 409 when the external id is another link's, 422 for a tag that the workspace does not have.
pub(crate) async fn create_default_links(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    links: &DefaultLinks<'_>,
) -> Result<()> {
    let several = links.wanted.len() > 1;
    let first = links.wanted.first().map(|link| link.id);
    let mut missing: Vec<&DefaultLink> = links.wanted.iter().collect();
    if !links.owner_is_new {
        let present = store::list_default_link_ids(conn, links.owner).await?;
        missing.retain(|wanted| !present.contains(&wanted.id));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let DefaultLinks { owner, domain_id, tenant_id, props, .. } = *links;
    let settings = props.settings.settings();
    let external_id = props.external_id.value();
    let tags = match &props.settings.tags {
        Some(tags) => tags::resolve(conn, owner.workspace_id, tags).await?,
        None => Vec::new(),
    };
    for attempt in 0..MAX_KEY_ATTEMPTS {
        // Ids of one millisecond come in no order: sorted, the links stand in the order of the group.
        let mut new_ids: Vec<LinkId> = missing.iter().map(|_| ids.next(now)).collect();
        new_ids.sort_unstable();
        let tried = missing
            .iter()
            .zip(new_ids)
            .map(|(wanted, id)| {
                let key = links.base.key(several, attempt, ids).map_err(|invalid| Error::internal(invalid.message))?;
                let external_id = external_id.filter(|_| first == Some(wanted.id)).cloned();
                Ok(NewLink { id, key, url: wanted.url.clone(), default_link_id: Some(wanted.id), external_id })
            })
            .collect::<Result<Vec<_>>>()?;
        let inserted = store::insert_links(conn, owner, domain_id, tenant_id, &tried, &settings, now).await?;
        if !tags.is_empty() && !inserted.is_empty() {
            store::insert_link_tags(conn, owner.workspace_id, &inserted, &tags).await?;
        }
        if inserted.len() == tried.len() {
            return Ok(());
        }
        let present = store::list_default_link_ids(conn, owner).await?;
        missing.retain(|wanted| !present.contains(&wanted.id));
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(external_id) = external_id.filter(|_| missing.iter().any(|link| first == Some(link.id)))
            && store::external_id_exists(conn, owner.workspace_id, external_id).await?
        {
            return Err(external_id_taken());
        }
    }
    Err(Error::unavailable("no free link key was found"))
}

pub(crate) fn external_id_taken() -> Error {
    Error::conflict("A link with this externalId exists already.")
}
