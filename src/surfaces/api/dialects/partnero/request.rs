//! The requests of the Partnero dialect.

use validator::{Validate, ValidationError};

use super::model::LinkName;
use super::page::PageRequest;
use crate::domains::DomainRef;
use crate::links::{LinkKey, PartnerSelector, ReferralLinkChanges, SettingChanges, fold_key};
use crate::partners::Email;
use crate::programs::ProgramRef;
use crate::validation::{Change, Field, Fields, FreeText, FromFields, Invalid, ProblemCode, Rules, broken_rule};

/// The partner for whom a link is created.
#[derive(Validate)]
#[validate(schema(function = names_partner))]
struct PartnerField {
    id: Option<FreeText>,
    key: Option<FreeText>,
    email: Option<Email>,
}

impl Rules for PartnerField {
    const FIELDS: &'static [Field] = &[Field::new("id"), Field::new("key"), Field::new("email")];
}

fn names_partner(partner: &PartnerField) -> Result<(), ValidationError> {
    if partner.id.is_none() && partner.key.is_none() && partner.email.is_none() {
        let text = "You must provide either id, key, or email.";
        return Err(broken_rule(ProblemCode::Custom, "", &["id", "key", "email"], text));
    }
    Ok(())
}

impl FromFields for PartnerField {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = Self { id: fields.optional("id"), key: fields.optional("key"), email: fields.optional("email") };
        fields.check(&partner)?;
        Some(partner)
    }
}

impl From<PartnerField> for PartnerSelector {
    /// Selects by the id, else by the key, else by the e-mail address.
    fn from(partner: PartnerField) -> Self {
        let mut selector = Self::default();
        if let Some(id) = partner.id {
            selector.partner_id = id.as_str().parse().ok();
            selector.tenant_id = Some(id.as_str().to_owned());
        } else if let Some(key) = partner.key {
            selector.key_folded = Some(fold_key(key.as_str()));
        } else if let Some(email) = partner.email {
            selector.email_normalized = Some(email.normalized().to_owned());
        }
        selector
    }
}

/// The domain of a link, and the `is_additional` that the caller expects of the domain.
#[derive(Validate)]
#[validate(schema(function = says_whether_additional))]
struct DomainFields {
    domain_id: Change<DomainRef>,
    is_additional: Option<bool>,
}

impl Rules for DomainFields {
    const FIELDS: &'static [Field] = &[Field::new("domain_id"), Field::new("is_additional")];
}

fn says_whether_additional(domain: &DomainFields) -> Result<(), ValidationError> {
    if domain.is_additional.is_none() && domain.domain_id.value().is_some() {
        return Err(broken_rule(ProblemCode::InvalidType, "is_additional", &["is_additional"], "Required"));
    }
    Ok(())
}

impl DomainFields {
    /// Reads the two fields. The id of the default domain is null in lists, so that a request can contain null.
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let domain = Self { domain_id: fields.change("domain_id"), is_additional: fields.optional("is_additional") };
        fields.check(&domain);
        domain
    }
}

/// Reads the fields of direct tracking, in two spellings: Partnero's PHP library sends the fields of a link in camel
/// case. With direct tracking, visits of the page that a link points to count without the key in the URL, and can be
/// redirected.
fn read_tracking(fields: &mut Fields<'_>) -> SettingChanges {
    let is_on = spelling(fields, "direct_tracking", "directTracking");
    let redirects = spelling(fields, "direct_tracking_redirect", "directTrackingRedirect");
    let redirect_url = spelling(fields, "direct_tracking_redirect_url", "directTrackingRedirectUrl");
    SettingChanges {
        direct_tracking: fields.optional(is_on),
        direct_tracking_redirect: fields.optional(redirects),
        direct_tracking_redirect_url: fields.change(redirect_url),
        ..SettingChanges::default()
    }
}

/// Returns the spelling of a field in a request.
fn spelling(fields: &Fields<'_>, snake: &'static str, camel: &'static str) -> &'static str {
    if fields.has(camel) && !fields.has(snake) { camel } else { snake }
}

/// A request to create a link with the caller's key.
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
        let DomainFields { domain_id, is_additional } = DomainFields::from_fields(fields);
        let domain = domain_id.value().copied();
        let settings = read_tracking(fields);
        let partner = match fields.object("partner") {
            None if !fields.has("partner") => {
                fields.fail("partner", Invalid::new(ProblemCode::InvalidType, "Required"));
                None
            }
            partner => partner.map(|partner: PartnerField| partner.into()),
        };
        let program = fields.optional("program_id");
        Some(Self { key: key?, domain, is_additional, settings, partner: partner?, program })
    }
}

/// A request to change a link. Absent fields keep their values.
pub(crate) struct PartnerReferralLinkChangesRequest {
    pub(super) changes: ReferralLinkChanges,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for PartnerReferralLinkChangesRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let key = fields.optional("key");
        let DomainFields { domain_id: domain, is_additional } = DomainFields::from_fields(fields);
        let settings = read_tracking(fields);
        let program = fields.optional("program_id");
        Some(Self { changes: ReferralLinkChanges { key, domain, is_additional, settings }, program })
    }
}

/// A query that can name a program.
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

/// The fields that name a link.
#[derive(Validate)]
#[validate(schema(function = names_link))]
struct LinkNameFields {
    id: Option<FreeText>,
    key: Option<FreeText>,
}

impl Rules for LinkNameFields {
    const FIELDS: &'static [Field] = &[Field::new("id"), Field::new("key")];
}

fn names_link(named: &LinkNameFields) -> Result<(), ValidationError> {
    if named.id.is_none() && named.key.is_none() {
        return Err(broken_rule(ProblemCode::Custom, "", &["id", "key"], "You must provide either id or key."));
    }
    Ok(())
}

impl FromFields for SearchQuery {
    /// Reads the fields. If the query has both, the id counts, which can also be a key, as in a path.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let named = LinkNameFields { id: fields.optional("id"), key: fields.optional("key") };
        let program = fields.optional("program_id");
        fields.check(&named)?;
        let name = match (named.id, named.key) {
            (Some(id), _) => id.as_str().parse().ok(),
            (None, Some(key)) => LinkName::key(key.as_str()),
            (None, None) => None,
        };
        Some(Self { name, program })
    }
}
