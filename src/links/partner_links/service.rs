//! Links that the workspace makes for a partner who is enrolled.

use sqlx::PgConnection;

use crate::error::{Error, Result};
use crate::links::change::{self, Actor, LinkChanges, no_link};
use crate::links::creation::{self, KeyChoice, LinkToMake};
use crate::links::key::{KeyBase, LinkKey};
use crate::links::model::{Link, LinkOwner};
use crate::links::props::LinkProps;
use crate::links::store::{self, LinkTerms};
use crate::partners::PartnerRef;
use crate::tags;
use crate::values::ProgramScope;
use crate::values::http_url::HttpUrl;
use crate::values::id::LinkId;

/// A link that a request describes.
#[derive(Debug, Clone)]
pub(crate) struct PartnerLinkRequest {
    pub(crate) partner: PartnerRef,
    pub(crate) url: Option<HttpUrl>,
    pub(crate) key: Option<LinkKey>,
    pub(crate) props: LinkProps,
}

/// Makes a link for a partner.
///
/// # Errors
/// 404 when the partner is not enrolled; 409 for a taken key or external id, and when the partner has as many links as
/// it may have; 422 for an unknown tag and for an address that the group does not allow.
pub(crate) async fn create_partner_link(
    conn: &mut PgConnection,
    actor: Actor<'_>,
    scope: ProgramScope,
    request: &PartnerLinkRequest,
) -> Result<Link> {
    let owner = lock_partner(conn, scope, &request.partner).await?;
    let terms = creation::find_terms(conn, owner).await?;
    let id = create(conn, actor, owner, &terms, request).await?;
    load(conn, owner, id).await
}

/// Changes the partner's oldest link to an address as the request wants it, or makes one. A link that is there stays
/// so when its group no longer allows its host.
///
/// # Errors
/// As [`create_partner_link`].
pub(crate) async fn upsert_partner_link(
    conn: &mut PgConnection,
    actor: Actor<'_>,
    scope: ProgramScope,
    (url, request): (&HttpUrl, &PartnerLinkRequest),
) -> Result<Link> {
    // The lock makes it one link however many callers ask for the same address.
    let owner = lock_partner(conn, scope, &request.partner).await?;
    let terms = creation::find_terms(conn, owner).await?;
    let id = match store::find_id_by_url(conn, owner, url.as_str()).await? {
        None => create(conn, actor, owner, &terms, request).await?,
        Some(id) => {
            let LinkProps { external_id, settings, .. } = request.props.clone();
            let changes = LinkChanges { key: request.key.clone(), external_id, settings, ..LinkChanges::default() };
            let link = load(conn, owner, id).await?;
            change::update_link(conn, actor, link, &changes).await?;
            id
        }
    };
    load(conn, owner, id).await
}

async fn lock_partner(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    partner: &PartnerRef,
) -> Result<LinkOwner> {
    let partner_id = store::lock_partner(conn, workspace_id, program_id, partner).await?;
    let partner_id = partner_id.ok_or_else(Error::not_enrolled)?;
    Ok(LinkOwner { workspace_id, program_id, partner_id })
}

async fn create(
    conn: &mut PgConnection,
    actor: Actor<'_>,
    owner: LinkOwner,
    terms: &LinkTerms,
    request: &PartnerLinkRequest,
) -> Result<LinkId> {
    let props = &request.props;
    let url = request.url.as_ref().map_or(terms.default_url.as_str(), HttpUrl::as_str);
    terms.check_url(url)?;
    terms.check_number()?;
    let tags = match &props.settings.tags {
        Some(tags) => tags::resolve(conn, owner.workspace_id, tags).await?,
        None => Vec::new(),
    };
    let base = KeyBase::derive(&terms.names(), props.prefix.as_ref(), actor.ids);
    let link = LinkToMake {
        owner,
        domain_id: terms.default_domain_id,
        tenant_id: terms.tenant_id.as_deref(),
        key: request.key.as_ref().map_or(KeyChoice::Derived(&base), KeyChoice::Named),
        url,
        external_id: props.external_id.value(),
        settings: &props.settings.settings(),
        tags: &tags,
    };
    creation::make_link(conn, actor.ids, actor.now, &link).await
}

async fn load(conn: &mut PgConnection, owner: LinkOwner, id: LinkId) -> Result<Link> {
    store::find_link(conn, owner.workspace_id, owner.program_id, id).await?.ok_or_else(no_link)
}
