//! Creation of links other than default links, and the terms for such links.

use sqlx::PgConnection;

use super::key::{KeyBase, LinkKey, Names};
use super::model::{ExternalId, LinkOwner, NewLink};
use super::settings::LinkSettings;
use super::store::{self, LinkTerms};
use crate::error::{Error, Result};
use crate::validation::{Problem, ProblemCode};
use crate::values::id::{DomainId, LinkId, TagId};
use crate::work::Work;

/// The maximum number of keys that are tried for one link. A random suffix of four characters out of 32 rarely
/// collides, so only another fault uses up all attempts.
pub(super) const MAX_KEY_ATTEMPTS: u32 = 10;

/// Returns the terms that a partner's enrollment and group set for one more link. The caller locks the enrollment
/// first, so that the number of links is exact until the end of the transaction. The group is not locked: a link that
/// is created while the group changes follows either the old or the new terms.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(super) async fn find_terms(conn: &mut PgConnection, owner: LinkOwner) -> Result<LinkTerms> {
    store::find_link_terms(conn, owner).await?.ok_or_else(Error::not_enrolled)
}

impl LinkTerms {
    /// Checks that the partner can have one more link.
    ///
    /// # Errors
    /// 409 with the maximum number of links.
    pub(super) fn check_number(&self) -> Result<()> {
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
    pub(super) fn check_url(&self, url: &str) -> Result<()> {
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
    pub(super) fn names(&self) -> Names<'_> {
        Names { username: self.username.as_deref(), name: self.name.as_deref(), email: &self.email }
    }
}

/// The key of a new link.
pub(super) enum KeyChoice<'a> {
    /// Exactly this key.
    Named(&'a LinkKey),
    /// A free key that is derived from the partner's names.
    Derived(&'a KeyBase),
}

/// A new link of a partner.
pub(super) struct PartnerLinkDraft<'a> {
    pub(super) owner: LinkOwner,
    pub(super) domain_id: DomainId,
    pub(super) tenant_id: Option<&'a str>,
    pub(super) key: KeyChoice<'a>,
    pub(super) url: &'a str,
    pub(super) external_id: Option<&'a ExternalId>,
    pub(super) settings: &'a LinkSettings,
    pub(super) tags: &'a [TagId],
}

/// Creates a link. A derived key that is taken gets a random suffix and is tried again, in the same transaction.
///
/// # Errors
/// 409 for a named key or an external id that is taken.
pub(super) async fn create_link(work: &mut Work<'_>, link: &PartnerLinkDraft<'_>) -> Result<LinkId> {
    let &PartnerLinkDraft { owner, domain_id, tenant_id, settings, tags, .. } = link;
    let now = work.now();
    for attempt in 0..MAX_KEY_ATTEMPTS {
        let key = match link.key {
            KeyChoice::Named(key) => key.clone(),
            KeyChoice::Derived(base) => {
                base.key(false, attempt, work.ids()).map_err(|invalid| Error::internal(invalid.message))?
            }
        };
        let (url, external_id) = (link.url.to_owned(), link.external_id.cloned());
        let new = NewLink { id: work.next_id(), key, url, default_link_id: None, external_id };
        let inserted = store::insert_links(work.conn, owner, domain_id, tenant_id, &[new], settings, now).await?;
        if let Some(id) = inserted.first() {
            if !tags.is_empty() {
                store::insert_link_tags(work.conn, owner.workspace_id, &inserted, tags).await?;
            }
            return Ok(*id);
        }
        if let Some(external_id) = link.external_id
            && store::external_id_exists(work.conn, owner.workspace_id, external_id).await?
        {
            return Err(external_id_taken());
        }
        if matches!(link.key, KeyChoice::Named(_)) {
            return Err(Error::conflict("A link with this key exists already."));
        }
    }
    Err(no_free_key())
}

/// Returns the error for an external id that another link of the workspace has.
pub(super) fn external_id_taken() -> Error {
    Error::conflict("A link with this externalId exists already.")
}

/// Returns the error for a link for which no free key was found.
pub(super) fn no_free_key() -> Error {
    Error::unavailable("no free link key was found")
}
