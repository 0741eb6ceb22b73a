//! Creation of default links: the links that a group gives to each of its partners.

use super::creation::{MAX_KEY_ATTEMPTS, external_id_taken, no_free_key};
use super::key::KeyBase;
use super::model::{LinkOwner, NewLink};
use super::request::LinkProps;
use super::settings::LinkSettings;
use super::store::{self, LinkRows};
use crate::error::{Error, Result};
use crate::groups::DefaultLink;
use crate::tags;
use crate::values::id::{DomainId, GroupDefaultLinkId, LinkId, TagId};
use crate::work::Work;

/// The default links that a partner is due.
pub(crate) struct DefaultLinks<'a> {
    pub(crate) owner: LinkOwner,
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

/// Creates the default links that a partner lacks, each exactly once even if several callers try at the same time.
///
/// # Errors
/// 409 when another link has the external id, 422 for a tag that the workspace does not have.
pub(crate) async fn create_default_links(work: &mut Work<'_>, links: &DefaultLinks<'_>) -> Result<()> {
    let present = store::list_default_link_ids(work.conn, links.owner).await?;
    let missing = links.wanted.iter().filter(|wanted| !present.contains(&wanted.id)).collect();
    let batch = DefaultLinkBatch::new(work, links, missing).await?;
    if batch.tried.is_empty() {
        return Ok(());
    }
    let inserted = batch.insert(work).await?;
    batch.complete(work, inserted).await
}

/// Default links to insert. The caller runs the statement, because the creation of a partner inserts the partner and
/// the links in one round trip.
pub(crate) struct DefaultLinkBatch<'a> {
    links: &'a DefaultLinks<'a>,
    missing: Vec<&'a DefaultLink>,
    tags: Vec<TagId>,
    settings: LinkSettings,
    tried: Vec<NewLink>,
}

impl<'a> DefaultLinkBatch<'a> {
    /// Prepares all default links, for a partner who is new.
    ///
    /// # Errors
    /// 422 for a tag that the workspace does not have.
    pub(crate) async fn of_new_partner(work: &mut Work<'_>, links: &'a DefaultLinks<'a>) -> Result<Self> {
        Self::new(work, links, links.wanted.iter().collect()).await
    }

    async fn new(work: &mut Work<'_>, links: &'a DefaultLinks<'a>, missing: Vec<&'a DefaultLink>) -> Result<Self> {
        let DefaultLinks { owner, props, .. } = links;
        let tags = match &props.settings.tags {
            Some(tags) if !missing.is_empty() => tags::resolve(work.conn, owner.workspace_id, tags).await?,
            _ => Vec::new(),
        };
        let mut batch = Self { links, missing, tags, settings: props.settings.settings(), tried: Vec::new() };
        batch.choose_keys(work, 0)?;
        Ok(batch)
    }

    /// Returns the links to be inserted.
    pub(crate) fn rows(&self) -> LinkRows<'_> {
        LinkRows::of(&self.tried)
    }

    /// Returns the settings that all of the links get.
    pub(crate) fn settings(&self) -> &LinkSettings {
        &self.settings
    }

    /// Completes the links after a statement that has inserted some of them: adds the tags, and tries a key that is taken
    /// again with a random suffix, in the same transaction.
    ///
    /// # Errors
    /// 409 when another link has the external id.
    pub(crate) async fn complete(mut self, work: &mut Work<'_>, mut inserted: Vec<LinkId>) -> Result<()> {
        let owner = self.links.owner;
        let (first, external_id) = (self.first(), self.links.props.external_id.value());
        for attempt in 1..=MAX_KEY_ATTEMPTS {
            if !self.tags.is_empty() && !inserted.is_empty() {
                store::insert_link_tags(work.conn, owner.workspace_id, &inserted, &self.tags).await?;
            }
            if inserted.len() == self.tried.len() {
                return Ok(());
            }
            let present = store::list_default_link_ids(work.conn, owner).await?;
            self.missing.retain(|wanted| !present.contains(&wanted.id));
            if self.missing.is_empty() {
                return Ok(());
            }
            if let Some(external_id) = external_id.filter(|_| self.missing.iter().any(|link| first == Some(link.id)))
                && store::external_id_exists(work.conn, owner.workspace_id, external_id).await?
            {
                return Err(external_id_taken());
            }
            if attempt < MAX_KEY_ATTEMPTS {
                self.choose_keys(work, attempt)?;
                inserted = self.insert(work).await?;
            }
        }
        Err(no_free_key())
    }

    async fn insert(&self, work: &mut Work<'_>) -> Result<Vec<LinkId>> {
        let DefaultLinks { owner, domain_id, tenant_id, .. } = *self.links;
        let now = work.now();
        store::insert_links(work.conn, owner, domain_id, tenant_id, &self.tried, &self.settings, now).await
    }

    fn choose_keys(&mut self, work: &mut Work<'_>, attempt: u32) -> Result<()> {
        let (several, first) = (self.links.wanted.len() > 1, self.first());
        let external_id = self.links.props.external_id.value();
        // Ids of one millisecond are in no order. Sorted, they keep the links in the order of the group.
        let mut new_ids: Vec<LinkId> = self.missing.iter().map(|_| work.next_id()).collect();
        new_ids.sort_unstable();
        let tried = self.missing.iter().zip(new_ids).map(|(wanted, id)| {
            let key = self.links.base.key(several, attempt, work.ids());
            let key = key.map_err(|invalid| Error::internal(invalid.message))?;
            let external_id = external_id.filter(|_| first == Some(wanted.id)).cloned();
            Ok(NewLink { id, key, url: wanted.url.clone(), default_link_id: Some(wanted.id), external_id })
        });
        self.tried = tried.collect::<Result<_>>()?;
        Ok(())
    }

    /// The first default link of the group, which gets the external id.
    fn first(&self) -> Option<GroupDefaultLinkId> {
        self.links.wanted.first().map(|link| link.id)
    }
}
