//! Creation of links other than default links, and the terms on which a partner can have them.

use sqlx::PgConnection;

use super::key::{KeyBase, LinkKey, Names};
use super::model::{ExternalId, LinkOwner, NewLink};
use super::service::{MAX_KEY_ATTEMPTS, external_id_taken};
use super::settings::LinkSettings;
use super::store::{self, LinkTerms};
use crate::error::{Error, Result};
use crate::validation::{Problem, ProblemCode};
use crate::values::clock::Timestamp;
use crate::values::id::{DomainId, Ids, LinkId, TagId};

/// Returns the terms that a partner's enrollment and group set for one more link. Lock the enrollment before: its
/// number of links is then exact until the end of the transaction. The group is not locked: a link that is created
/// while the group changes follows either the old or the new terms.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(crate) async fn find_terms(conn: &mut PgConnection, owner: LinkOwner) -> Result<LinkTerms> {
    store::find_link_terms(conn, owner).await?.ok_or_else(Error::not_enrolled)
}

impl LinkTerms {
    /// Checks that the partner can have one more link.
    ///
    /// # Errors
    /// 409 with the maximum number of links.
    pub(crate) fn check_number(&self) -> Result<()> {
        match self.max_links {
            Some(max) if self.links >= i64::from(max) => {
                Err(Error::conflict(format!("A partner of this group can have at most {max} link(s).")))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a link can point to a URL: the request's `url` or the default that replaces an absent `url`.
    ///
    /// # Errors
    /// 422 when the group does not allow the host.
    pub(crate) fn check_url(&self, url: &str) -> Result<()> {
        if self.allowed_hosts.allow(url) {
            return Ok(());
        }
        Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "url".to_owned(),
            message: "The partner's group does not allow links to this host".into(),
        }]))
    }

    /// Returns the names from which keys are derived.
    pub(crate) fn names(&self) -> Names<'_> {
        Names { username: self.username.as_deref(), name: self.name.as_deref(), email: &self.email }
    }
}

/// The key of a new link.
pub(crate) enum KeyChoice<'a> {
    /// Exactly this key.
    Named(&'a LinkKey),
    /// A free key that is derived from the partner's names.
    Derived(&'a KeyBase),
}

/// A new link of a partner.
pub(crate) struct LinkToMake<'a> {
    pub(crate) owner: LinkOwner,
    pub(crate) domain_id: DomainId,
    pub(crate) tenant_id: Option<&'a str>,
    pub(crate) key: KeyChoice<'a>,
    pub(crate) url: &'a str,
    pub(crate) external_id: Option<&'a ExternalId>,
    pub(crate) settings: &'a LinkSettings,
    pub(crate) tags: &'a [TagId],
}

/// Creates a link. A derived key that is taken gets a random suffix and is tried again, in the caller's transaction.
///
/// # Errors
/// 409 for a named key or an external id that is taken.
pub(crate) async fn make_link(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    link: &LinkToMake<'_>,
) -> Result<LinkId> {
    let &LinkToMake { owner, domain_id, tenant_id, settings, tags, .. } = link;
    for attempt in 0..MAX_KEY_ATTEMPTS {
        let key = match link.key {
            KeyChoice::Named(key) => key.clone(),
            KeyChoice::Derived(base) => {
                base.key(false, attempt, ids).map_err(|invalid| Error::internal(invalid.message))?
            }
        };
        let (url, external_id) = (link.url.to_owned(), link.external_id.cloned());
        let new = NewLink { id: ids.next(now), key, url, default_link_id: None, external_id };
        let inserted = store::insert_links(conn, owner, domain_id, tenant_id, &[new], settings, now).await?;
        if let Some(id) = inserted.first() {
            if !tags.is_empty() {
                store::insert_link_tags(conn, owner.workspace_id, &inserted, tags).await?;
            }
            return Ok(*id);
        }
        if let Some(external_id) = link.external_id
            && store::external_id_exists(conn, owner.workspace_id, external_id).await?
        {
            return Err(external_id_taken());
        }
        if matches!(link.key, KeyChoice::Named(_)) {
            return Err(Error::conflict("A link with this key exists already."));
        }
    }
    Err(Error::unavailable("no free link key was found"))
}
