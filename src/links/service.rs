//! The rules for making links.

use sqlx::PgConnection;

use super::key::{KeyBase, LinkKey};
use super::model::{LinkOwner, LinkSettings, NewLink};
use super::store::{self, PartnerSelector};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{DomainId, Ids, LinkId, ProgramId, WorkspaceId};
use crate::programs::{self, DefaultLink};
use crate::validation::{Problem, ProblemCode};

/// A suffix of four characters out of 32 is taken a second time so rarely that this many tries only end when
/// something else is wrong.
const MAX_KEY_ATTEMPTS: u32 = 10;

/// The default links that a partner is to get.
pub struct DefaultLinks<'a> {
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
    pub settings: &'a LinkSettings,
}

/// Gives a partner the default links that it lacks, each exactly once however many callers try at the same time.
/// A key that is taken gets a random suffix and is tried again, all in the caller's transaction.
///
/// # Errors
/// 409 when the external id is another link's.
pub async fn create_default_links(
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
    for attempt in 0..MAX_KEY_ATTEMPTS {
        // Ids of one millisecond come in no order: sorted, the links stand in the order of the group.
        let mut new_ids: Vec<LinkId> = missing.iter().map(|_| ids.next(now)).collect();
        new_ids.sort_unstable();
        let tried = missing
            .iter()
            .zip(new_ids)
            .map(|(wanted, id)| {
                let key = links.base.key(several, attempt, ids).map_err(|invalid| Error::internal(invalid.message))?;
                let external_id = links.settings.external_id.clone().filter(|_| first == Some(wanted.id));
                Ok(NewLink { id, key, url: wanted.url.clone(), default_link_id: Some(wanted.id), external_id })
            })
            .collect::<Result<Vec<_>>>()?;
        let DefaultLinks { owner, domain_id, tenant_id, settings, .. } = *links;
        let inserted = store::insert_links(conn, owner, domain_id, tenant_id, &tried, settings, now).await?;
        if inserted.len() == tried.len() {
            return Ok(());
        }
        let present = store::list_default_link_ids(conn, owner).await?;
        missing.retain(|wanted| !present.contains(&wanted.id));
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(external_id) =
            settings.external_id.as_ref().filter(|_| missing.iter().any(|link| first == Some(link.id)))
            && store::external_id_exists(conn, owner.workspace_id, external_id).await?
        {
            return Err(external_id_taken());
        }
    }
    Err(Error::unavailable("no free link key was found"))
}

fn external_id_taken() -> Error {
    Error::conflict("A link with this externalId exists already.")
}

/// A link that a caller names.
pub(super) struct NamedLink {
    pub(super) selector: PartnerSelector,
    pub(super) key: LinkKey,
    /// The domain that it is to live on, if not on the default one.
    pub(super) domain_id: Option<DomainId>,
    /// Whether the caller takes that for an additional one.
    pub(super) is_additional: Option<bool>,
}

/// A link that was made.
pub(super) struct CreatedLink {
    pub(super) id: LinkId,
    pub(super) url_prefix: String,
    pub(super) is_additional: bool,
}

/// Makes a link with a key of the caller's choice.
///
/// # Errors
/// 404 for an unknown partner or domain, 409 for a taken key.
pub(super) async fn create_named_link(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    link: &NamedLink,
) -> Result<CreatedLink> {
    let partner =
        store::lock_partner(conn, workspace_id, program_id, &link.selector).await?.ok_or_else(Error::not_enrolled)?;
    let domain = programs::find_domain(conn, workspace_id, program_id, link.domain_id)
        .await?
        .ok_or_else(|| Error::not_found("The domain does not exist."))?;
    if link.is_additional.is_some_and(|is_additional| is_additional != domain.is_additional) {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "is_additional".to_owned(),
            message: "Must say what the domain says".into(),
        }]));
    }
    let url = domain.program_url.clone();
    let new = NewLink { id: ids.next(now), key: link.key.clone(), url, default_link_id: None, external_id: None };
    let owner = LinkOwner { workspace_id, program_id, partner_id: partner.partner_id };
    let tenant_id = partner.tenant_id.as_deref();
    let inserted =
        store::insert_links(conn, owner, domain.id, tenant_id, &[new], &LinkSettings::default(), now).await?;
    match inserted.first() {
        Some(id) => Ok(CreatedLink { id: *id, url_prefix: domain.url_prefix, is_additional: domain.is_additional }),
        None => Err(Error::conflict("A link with this key exists already.")),
    }
}
