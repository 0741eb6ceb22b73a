//! Links beside the default ones: on what terms a partner may have one, and how it is made.

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

/// What the enrollment of a partner and its group say about one more link. Ask after the enrollment was locked: then
/// the number of its links stays true until the end of the transaction. The group is not held: a link that is made at
/// the moment in which the group changes goes by what the group was or by what it is.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(crate) async fn find_terms(conn: &mut PgConnection, owner: LinkOwner) -> Result<LinkTerms> {
    store::find_link_terms(conn, owner).await?.ok_or_else(Error::not_enrolled)
}

impl LinkTerms {
    /// Passes if the partner may have one more link.
    ///
    /// # Errors
    /// 409 with the number that it may have.
    pub(crate) fn check_number(&self) -> Result<()> {
        match self.max_links {
            Some(max) if self.links >= i64::from(max) => {
                Err(Error::conflict(format!("A partner of this group can have at most {max} link(s).")))
            }
            _ => Ok(()),
        }
    }

    /// Passes if a link may lead to this address: that of the request's field `url`, or the one that stands for it.
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

    /// What the partner is called.
    pub(crate) fn names(&self) -> Names<'_> {
        Names { username: self.username.as_deref(), name: self.name.as_deref(), email: &self.email }
    }
}

/// The key of a link that is made.
pub(crate) enum KeyChoice<'a> {
    /// This one or none.
    Named(&'a LinkKey),
    /// One that is still free.
    Derived(&'a KeyBase),
}

/// A link that is made for a partner.
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

/// Makes a link. A derived key that is taken gets a random suffix and is tried again, all in the caller's transaction.
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
