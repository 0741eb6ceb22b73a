//! What this dialect's requests say.

use super::model::LinkName;
use super::page::PageRequest;
use super::tracking;
use crate::domains::DomainRef;
use crate::links::{FreeText, LinkKey, PartnerSelector, ReferralLinkChanges, SettingChanges, fold_key};
use crate::partners::Email;
use crate::programs::ProgramRef;
use crate::validation::{Change, Fields, FromFields, Invalid, ProblemCode};

/// The partner that a link is for.
struct PartnerField(PartnerSelector);

impl FromFields for PartnerField {
    /// The first of the three that is there counts.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional::<FreeText>("id");
        let key = fields.optional::<FreeText>("key");
        let email = fields.optional::<Email>("email");
        let mut selector = PartnerSelector::default();
        if let Some(id) = id {
            selector.partner_id = id.as_str().parse().ok();
            selector.tenant_id = Some(id.as_str().to_owned());
        } else if let Some(key) = key {
            selector.key_folded = Some(fold_key(key.as_str()));
        } else if let Some(email) = email {
            selector.email_normalized = Some(email.normalized().to_owned());
        } else if !["id", "key", "email"].into_iter().any(|name| fields.has(name)) {
            fields.fail_here(Invalid::new(ProblemCode::Custom, "You must provide either id, key, or email."));
        }
        Some(Self(selector))
    }
}

/// A request for a link with a key of the caller's choice.
pub(crate) struct PartnerReferralLinkRequest {
    pub(super) key: LinkKey,
    pub(super) domain: Option<DomainRef>,
    pub(super) is_additional: Option<bool>,
    pub(super) settings: SettingChanges,
    pub(super) partner: PartnerSelector,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for PartnerReferralLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let key = fields.required("key");
        // The default domain is listed with the id null, and may be named so.
        let domain = fields.nullable("domain_id");
        let is_additional =
            if domain.is_some() { fields.required("is_additional") } else { fields.optional("is_additional") };
        let settings = tracking::read(fields);
        let partner = match fields.object("partner") {
            None if !fields.has("partner") => {
                fields.fail("partner", Invalid::new(ProblemCode::InvalidType, "Required"));
                None
            }
            partner => partner.map(|PartnerField(selector)| selector),
        };
        let program = fields.optional("program_id");
        Some(Self { key: key?, domain, is_additional, settings, partner: partner?, program })
    }
}

/// A request for changes to a link; what it leaves out stays.
pub(crate) struct PartnerReferralLinkChangesRequest {
    pub(super) changes: ReferralLinkChanges,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for PartnerReferralLinkChangesRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let key = fields.optional("key");
        let domain = fields.change("domain_id");
        let is_additional = match domain {
            Change::Set(_) => fields.required("is_additional"),
            Change::Keep | Change::Clear => fields.optional("is_additional"),
        };
        let settings = tracking::read(fields);
        let program = fields.optional("program_id");
        Some(Self { changes: ReferralLinkChanges { key, domain, is_additional, settings }, program })
    }
}

/// A query that may name a program.
pub(crate) struct ProgramQuery {
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ProgramQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("program_id") })
    }
}

/// A query for a page of a list.
pub(crate) struct PageQuery {
    pub(super) page: PageRequest,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for PageQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let page = PageRequest::from_query(fields);
        Some(Self { page, program: fields.optional("program_id") })
    }
}

/// A query for one link.
pub(crate) struct SearchQuery {
    pub(super) name: Option<LinkName>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for SearchQuery {
    /// Of two, the id counts. It may be a key, as it may be in a path.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional::<FreeText>("id");
        let key = fields.optional::<FreeText>("key");
        let program = fields.optional("program_id");
        if !fields.has("id") && !fields.has("key") {
            fields.fail_here(Invalid::new(ProblemCode::Custom, "You must provide either id or key."));
        }
        let name = match (id, key) {
            (Some(id), _) => id.as_str().parse().ok(),
            (None, Some(key)) => LinkName::key(key.as_str()),
            (None, None) => None,
        };
        Some(Self { name, program })
    }
}
