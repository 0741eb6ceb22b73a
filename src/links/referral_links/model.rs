//! Referral links, and the ways in which a request names their partner.

use std::convert::Infallible;
use std::str::FromStr;

use crate::links::model::Link;
use crate::links::settings::LinkSettings;
use crate::values::id::{LinkId, PartnerId};

/// The partner of a new link: the partner with this id, else with this tenant id, else the owner of the link with this
/// key, else the partner with this e-mail address.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartnerSelector {
    pub(crate) partner_id: Option<PartnerId>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) key_folded: Option<String>,
    pub(crate) email_normalized: Option<String>,
}

/// The name of a partner in a path: the partner's id, else the tenant id.
#[derive(Debug, Clone)]
pub(crate) struct PartnerName {
    pub(super) partner_id: Option<PartnerId>,
    pub(super) tenant_id: Option<String>,
}

impl FromStr for PartnerName {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        // PostgreSQL rejects U+0000 in texts, so that no stored tenant id has one.
        let tenant_id = (!text.contains('\0')).then(|| text.to_owned());
        Ok(Self { partner_id: text.parse().ok(), tenant_id })
    }
}

/// The part of a link that the Partnero dialect shows.
#[derive(Debug)]
pub(crate) struct ReferralLink {
    pub(crate) id: LinkId,
    pub(crate) key: String,
    pub(crate) url_prefix: String,
    pub(crate) is_default: bool,
    pub(crate) is_additional: bool,
    pub(crate) settings: LinkSettings,
}

impl From<Link> for ReferralLink {
    fn from(link: Link) -> Self {
        Self {
            id: link.id,
            key: link.key,
            url_prefix: link.url_prefix,
            is_default: link.is_default,
            is_additional: link.is_additional,
            settings: link.settings,
        }
    }
}
