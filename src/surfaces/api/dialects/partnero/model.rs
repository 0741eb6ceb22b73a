//! Links as this dialect names and shows them.

use std::str::FromStr;

use serde::Serialize;

use crate::domains::{Domain, short_link};
use crate::error::Error;
use crate::links::key::LinkKey;
use crate::links::model::{KeyRef, Link, LinkRef};
use crate::links::store::selector::ReferralLinkRow;
use crate::validation::{Invalid, Text};
use crate::values::id::{DomainId, InvalidId, LinkId};

/// How a request names a link: by id or by key. What has the form of an id is one.
#[derive(Debug, Clone)]
pub struct LinkName(pub(super) LinkRef);

impl LinkName {
    /// By key; `None` for what cannot be one.
    pub(super) fn key(text: &str) -> Option<Self> {
        let key = LinkKey::from_text(text).ok()?;
        Some(Self(LinkRef::Key(KeyRef { key_folded: key.folded(), host: None })))
    }
}

impl FromStr for LinkName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(id) => Ok(Self(LinkRef::Id(id))),
            Err(_) => Self::key(text).ok_or(InvalidId),
        }
    }
}

/// How a request names a domain. What is no id is one that does not exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct DomainRef(Option<DomainId>);

impl DomainRef {
    /// The id.
    ///
    /// # Errors
    /// 404 for what is none.
    pub(super) fn id(self) -> Result<DomainId, Error> {
        self.0.ok_or_else(no_domain)
    }
}

/// 404 for a domain that does not exist.
pub(super) fn no_domain() -> Error {
    Error::not_found("The domain does not exist.")
}

impl Text for DomainRef {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        Ok(Self(text.parse().ok()))
    }
}

/// A link in an answer.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent properties of the wire format")]
pub(super) struct PartnerReferralLink {
    id: LinkId,
    key: String,
    url: String,
    default: bool,
    is_additional: bool,
    direct_tracking: bool,
    direct_tracking_redirect: bool,
    direct_tracking_redirect_url: Option<String>,
}

impl From<ReferralLinkRow> for PartnerReferralLink {
    fn from(row: ReferralLinkRow) -> Self {
        Self {
            id: row.id,
            url: short_link(&row.url_prefix, &row.key),
            key: row.key,
            default: row.is_default,
            is_additional: row.is_additional,
            direct_tracking: row.direct_tracking,
            direct_tracking_redirect: row.direct_tracking_redirect,
            direct_tracking_redirect_url: row.direct_tracking_redirect_url,
        }
    }
}

impl From<Link> for PartnerReferralLink {
    fn from(link: Link) -> Self {
        Self {
            id: link.id,
            url: short_link(&link.url_prefix, &link.key),
            key: link.key,
            default: link.is_default,
            is_additional: link.is_additional,
            direct_tracking: link.settings.direct_tracking,
            direct_tracking_redirect: link.settings.direct_tracking_redirect,
            direct_tracking_redirect_url: link.settings.direct_tracking_redirect_url,
        }
    }
}

/// A domain in an answer; the id of the default one is null.
#[derive(Debug, Serialize)]
pub(super) struct ReferralLinkDomain {
    id: Option<DomainId>,
    domain: String,
    url: String,
    is_additional: bool,
}

impl From<Domain> for ReferralLinkDomain {
    fn from(domain: Domain) -> Self {
        Self {
            id: Some(domain.id).filter(|_| !domain.is_default),
            domain: domain.host,
            url: domain.url_prefix,
            is_additional: domain.is_additional,
        }
    }
}
