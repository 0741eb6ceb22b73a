//! Links and domains in the form of the Partnero dialect.

use std::str::FromStr;

use serde::Serialize;

use crate::domains::{Domain, short_link};
use crate::links::{KeyRef, Link, LinkKey, LinkRef, ReferralLink};
use crate::validation::Text;
use crate::values::id::{DomainId, InvalidId, LinkId};

/// The name of a link in a request: an id or a key. A text that has the form of an id is an id.
#[derive(Debug, Clone)]
pub(crate) struct LinkName(pub(super) LinkRef);

impl LinkName {
    /// Names a link by its key. Returns `None` for a text that cannot be a key.
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

/// A link in a response.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent properties of the wire format")]
pub(crate) struct PartnerReferralLink {
    id: LinkId,
    key: String,
    url: String,
    default: bool,
    is_additional: bool,
    direct_tracking: bool,
    direct_tracking_redirect: bool,
    direct_tracking_redirect_url: Option<String>,
}

impl From<ReferralLink> for PartnerReferralLink {
    fn from(link: ReferralLink) -> Self {
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

impl From<Link> for PartnerReferralLink {
    fn from(link: Link) -> Self {
        ReferralLink::from(link).into()
    }
}

/// A domain in a response. The id of the default domain is null.
#[derive(Debug, Serialize)]
pub(crate) struct ReferralLinkDomain {
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
