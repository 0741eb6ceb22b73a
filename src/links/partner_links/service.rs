//! The rules for links that a workspace creates for an enrolled partner.

use sqlx::PgConnection;

use crate::error::{Error, Result};
use crate::links::creation::{self, KeyChoice, PartnerLinkDraft, find_terms};
use crate::links::key::{KeyBase, LinkKey};
use crate::links::model::{Link, LinkChanges, LinkOwner, PartnerLink};
use crate::links::request::LinkProps;
use crate::links::service::{load_link, update_link};
use crate::links::store::{self, LinkTerms};
use crate::partners::PartnerRef;
use crate::tags;
use crate::values::ProgramScope;
use crate::values::http_url::HttpUrl;
use crate::values::id::LinkId;
use crate::work::{Command, Query, Work};

/// Lists the links of a partner, oldest first.
///
/// Fails with 404 when the partner is not enrolled.
pub(super) struct RetrievePartnerLinks {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
}

impl Query for RetrievePartnerLinks {
    const NAME: &'static str = "retrieve_partner_links";
    type Output = Vec<PartnerLink>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<PartnerLink>> {
        let partner_id = store::find_partner(conn, self.scope, &self.partner).await?.ok_or_else(Error::not_enrolled)?;
        store::list_partner_links(conn, LinkOwner::new(self.scope, partner_id)).await
    }
}

/// The key and the properties that a request gives to a link.
pub(super) struct LinkDetails {
    /// The key; an absent key is derived from the partner's names.
    pub(super) key: Option<LinkKey>,
    pub(super) props: LinkProps,
}

/// Creates a link for a partner. Without a URL, the link points to the default URL of the partner's group.
///
/// Fails with 404 when the partner is not enrolled; with 409 for a taken key or external id, and when the partner has
/// the maximum number of links; with 422 for an unknown tag and for a URL that the group does not allow.
pub(super) struct CreatePartnerLink {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
    pub(super) url: Option<HttpUrl>,
    pub(super) details: LinkDetails,
}

impl Command for CreatePartnerLink {
    const NAME: &'static str = "create_partner_link";
    type Output = Link;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Link> {
        let owner = lock_partner(work.conn, self.scope, &self.partner).await?;
        let terms = find_terms(work.conn, owner).await?;
        let id = create_link(work, owner, &terms, self.url.as_ref(), &self.details).await?;
        load_link(work.conn, self.scope, id).await
    }
}

/// Changes the partner's oldest link to a URL as the request asks, or creates a link to the URL. An existing link stays
/// valid when the group no longer allows its host.
///
/// Fails like [`CreatePartnerLink`].
pub(super) struct UpsertPartnerLink {
    pub(super) scope: ProgramScope,
    pub(super) partner: PartnerRef,
    pub(super) url: HttpUrl,
    pub(super) details: LinkDetails,
}

impl Command for UpsertPartnerLink {
    const NAME: &'static str = "upsert_partner_link";
    type Output = Link;

    async fn apply(&self, work: &mut Work<'_>) -> Result<Link> {
        // Because of the lock, concurrent requests for the same URL create one link.
        let owner = lock_partner(work.conn, self.scope, &self.partner).await?;
        let terms = find_terms(work.conn, owner).await?;
        let id = match store::find_id_by_url(work.conn, owner, self.url.as_str()).await? {
            None => create_link(work, owner, &terms, Some(&self.url), &self.details).await?,
            Some(id) => {
                let link = load_link(work.conn, self.scope, id).await?;
                update_link(work, link, &self.details.changes()).await?;
                id
            }
        };
        load_link(work.conn, self.scope, id).await
    }
}

impl LinkDetails {
    fn changes(&self) -> LinkChanges {
        let LinkProps { external_id, settings, .. } = self.props.clone();
        LinkChanges { key: self.key.clone(), external_id, settings, ..LinkChanges::default() }
    }
}

async fn lock_partner(conn: &mut PgConnection, scope: ProgramScope, partner: &PartnerRef) -> Result<LinkOwner> {
    let partner_id = store::lock_partner(conn, scope, partner).await?.ok_or_else(Error::not_enrolled)?;
    Ok(LinkOwner::new(scope, partner_id))
}

async fn create_link(
    work: &mut Work<'_>,
    owner: LinkOwner,
    terms: &LinkTerms,
    url: Option<&HttpUrl>,
    LinkDetails { key, props }: &LinkDetails,
) -> Result<LinkId> {
    let url = url.map_or(terms.default_url.as_str(), HttpUrl::as_str);
    terms.check_url(url)?;
    terms.check_number()?;
    let tags = match &props.settings.tags {
        Some(tags) => tags::resolve(work.conn, owner.workspace_id, tags).await?,
        None => Vec::new(),
    };
    let base = KeyBase::derive(&terms.names(), props.prefix.as_ref(), work.ids());
    let draft = PartnerLinkDraft {
        owner,
        domain_id: terms.default_domain_id,
        tenant_id: terms.tenant_id.as_deref(),
        key: key.as_ref().map_or(KeyChoice::Derived(&base), KeyChoice::Named),
        url,
        external_id: props.external_id.value(),
        settings: &props.settings.settings(),
        tags: &tags,
    };
    creation::create_link(work, &draft).await
}
