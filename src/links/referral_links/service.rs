//! The rules for referral links.

use sqlx::PgConnection;

use super::model::{PartnerName, PartnerSelector, ReferralLink};
use super::store;
use crate::domains::{self, Domain, DomainRef, no_domain};
use crate::error::{Error, Result};
use crate::links::creation::{self, KeyChoice, PartnerLinkDraft};
use crate::links::key::LinkKey;
use crate::links::model::{LinkChanges, LinkOwner, LinkRef};
use crate::links::service::{load_link, lock_link, update_link};
use crate::links::settings::{LinkSettings, SettingChanges};
use crate::validation::{Change, Problem, ProblemCode};
use crate::values::{Page, ProgramScope};
use crate::work::{Command, Query, Work};

/// Creates a link with the caller's key. The link points to the default URL of the partner's group.
///
/// Fails with 404 for an unknown partner or domain; with 409 for a taken key and for a partner with the maximum number
/// of links; with 422 for a wrong `is_additional`, for a redirect without a URL, and when the group does not allow the
/// default URL.
pub(crate) struct CreateReferralLink {
    pub(crate) scope: ProgramScope,
    pub(crate) partner: PartnerSelector,
    pub(crate) key: LinkKey,
    /// The domain of the link; `None` for the program's default.
    pub(crate) domain: Option<DomainRef>,
    /// The value of `is_additional` that the caller expects of the domain.
    pub(crate) is_additional: Option<bool>,
    pub(crate) settings: SettingChanges,
}

impl Command for CreateReferralLink {
    const NAME: &'static str = "create_referral_link";
    type Output = ReferralLink;

    async fn apply(&self, work: &mut Work<'_>) -> Result<ReferralLink> {
        let settings = self.settings.settings();
        check_redirect(&settings)?;
        let partner_id = store::lock_selected_partner(work.conn, self.scope, &self.partner).await?;
        let owner = LinkOwner::new(self.scope, partner_id.ok_or_else(Error::not_enrolled)?);
        let domain = find_domain(work.conn, self.scope, self.domain).await?;
        check_is_additional(self.is_additional, domain.is_additional)?;
        let terms = creation::find_terms(work.conn, owner).await?;
        terms.check_url(&terms.default_url)?;
        terms.check_number()?;
        let draft = PartnerLinkDraft {
            owner,
            domain_id: domain.id,
            tenant_id: terms.tenant_id.as_deref(),
            key: KeyChoice::Named(&self.key),
            url: &terms.default_url,
            external_id: None,
            settings: &settings,
            tags: &[],
        };
        let id = creation::create_link(work, &draft).await?;
        Ok(ReferralLink {
            id,
            key: self.key.as_str().to_owned(),
            url_prefix: domain.url_prefix,
            is_default: false,
            is_additional: domain.is_additional,
            settings,
        })
    }
}

/// Changes to an existing referral link.
#[derive(Clone)]
pub(crate) struct ReferralLinkChanges {
    pub(crate) key: Option<LinkKey>,
    /// The domain of the link; cleared, the program's default.
    pub(crate) domain: Change<DomainRef>,
    /// The value of `is_additional` that the caller expects of the domain.
    pub(crate) is_additional: Option<bool>,
    pub(crate) settings: SettingChanges,
}

/// Changes a link. The id stays the same.
///
/// Fails with 404 for an unknown link or domain; with 409 for a taken key; with 422 for a wrong `is_additional` and for
/// a redirect without a URL.
pub(crate) struct UpdateReferralLink {
    pub(crate) scope: ProgramScope,
    pub(crate) link: LinkRef,
    pub(crate) changes: ReferralLinkChanges,
}

impl Command for UpdateReferralLink {
    const NAME: &'static str = "update_referral_link";
    type Output = ReferralLink;

    async fn apply(&self, work: &mut Work<'_>) -> Result<ReferralLink> {
        let wanted = &self.changes;
        let link = lock_link(work.conn, self.scope, &self.link).await?;
        let domain = match wanted.domain {
            Change::Keep => None,
            Change::Clear => Some(find_domain(work.conn, self.scope, None).await?),
            Change::Set(domain) => Some(find_domain(work.conn, self.scope, Some(domain)).await?),
        };
        let is_additional = domain.as_ref().map_or(link.is_additional, |domain| domain.is_additional);
        check_is_additional(wanted.is_additional, is_additional)?;
        let mut settings = link.settings.clone();
        wanted.settings.apply(&mut settings);
        check_redirect(&settings)?;
        let id = link.id;
        let changes = LinkChanges {
            domain_id: domain.map(|domain| domain.id),
            key: wanted.key.clone(),
            settings: wanted.settings.clone(),
            ..LinkChanges::default()
        };
        update_link(work, link, &changes).await?;
        load_link(work.conn, self.scope, id).await.map(ReferralLink::from)
    }
}

/// Lists a page of a partner's links, oldest first.
///
/// Fails with 404 when the partner is not enrolled.
pub(crate) struct ListReferralLinks {
    pub(crate) scope: ProgramScope,
    pub(crate) partner: PartnerName,
    pub(crate) page: Page,
}

impl Query for ListReferralLinks {
    const NAME: &'static str = "list_referral_links";
    type Output = Vec<ReferralLink>;

    async fn fetch(&self, conn: &mut PgConnection) -> Result<Vec<ReferralLink>> {
        let partner_id = store::find_named_partner(conn, self.scope, &self.partner).await?;
        let owner = LinkOwner::new(self.scope, partner_id.ok_or_else(Error::not_enrolled)?);
        store::list_referral_links(conn, owner, self.page).await
    }
}

/// Finds a domain: the program's default when the request names none.
async fn find_domain(conn: &mut PgConnection, scope: ProgramScope, domain: Option<DomainRef>) -> Result<Domain> {
    let id = domain.map(DomainRef::id).transpose()?;
    domains::find_domain(conn, scope, id).await?.ok_or_else(no_domain)
}

/// Checks that the domain has the `is_additional` that the caller expects.
fn check_is_additional(given: Option<bool>, is_additional: bool) -> Result<()> {
    if given.is_none_or(|given| given == is_additional) {
        return Ok(());
    }
    Err(Error::invalid(vec![Problem {
        code: ProblemCode::InvalidValue,
        path: "is_additional".to_owned(),
        message: "Must say what the domain says".into(),
    }]))
}

/// Checks that a redirect has a URL.
fn check_redirect(settings: &LinkSettings) -> Result<()> {
    if !settings.direct_tracking_redirect || settings.direct_tracking_redirect_url.is_some() {
        return Ok(());
    }
    Err(Error::invalid(vec![Problem {
        code: ProblemCode::InvalidType,
        path: "direct_tracking_redirect_url".to_owned(),
        message: "Required with direct_tracking_redirect".into(),
    }]))
}
