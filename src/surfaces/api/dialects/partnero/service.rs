//! The rules for links as this dialect makes and changes them.

use sqlx::PgConnection;

use super::model::{DomainRef, no_domain};
use super::page::PageRequest;
use super::tracking;
use crate::domains::{self, Domain};
use crate::error::{Error, Result};
use crate::links::change::{self, Actor, LinkChanges};
use crate::links::creation::{self, KeyChoice, LinkToMake};
use crate::links::key::LinkKey;
use crate::links::model::{Link, LinkOwner, LinkRef};
use crate::links::settings::SettingChanges;
use crate::links::store::selector::{self as store, PartnerSelector};
use crate::links::store::selector::{PartnerName, ReferralLinkRow};
use crate::validation::{Change, Problem, ProblemCode};
use crate::values::ProgramScope;
use crate::values::clock::Timestamp;
use crate::values::id::Ids;

/// A link that a caller names.
pub(super) struct NamedLink {
    pub(super) selector: PartnerSelector,
    pub(super) key: LinkKey,
    /// The domain that it is to live on, if not on the default one.
    pub(super) domain: Option<DomainRef>,
    /// Whether the caller takes that for an additional one.
    pub(super) is_additional: Option<bool>,
    pub(super) settings: SettingChanges,
}

/// Makes a link with a key of the caller's choice. It leads where one leads that names no address.
///
/// # Errors
/// 404 for an unknown partner or domain, 409 for a taken key and for a partner who has as many links as it may have,
/// 422 for a domain or a redirect that is not as it must be, and when the group does not allow that address.
pub(super) async fn create_named_link(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    link: &NamedLink,
) -> Result<ReferralLinkRow> {
    let settings = link.settings.settings();
    tracking::check(&settings)?;
    let partner_id =
        store::lock_partner(conn, workspace_id, program_id, &link.selector).await?.ok_or_else(Error::not_enrolled)?;
    let domain = find_domain(conn, ProgramScope { workspace_id, program_id }, link.domain).await?;
    check_additional(link.is_additional, domain.is_additional)?;
    let owner = LinkOwner { workspace_id, program_id, partner_id };
    let terms = creation::find_terms(conn, owner).await?;
    terms.check_url(&terms.default_url)?;
    terms.check_number()?;
    let new = LinkToMake {
        owner,
        domain_id: domain.id,
        tenant_id: terms.tenant_id.as_deref(),
        key: KeyChoice::Named(&link.key),
        url: &terms.default_url,
        external_id: None,
        settings: &settings,
        tags: &[],
    };
    let id = creation::make_link(conn, ids, now, &new).await?;
    Ok(ReferralLinkRow {
        id,
        key: link.key.as_str().to_owned(),
        url_prefix: domain.url_prefix,
        is_default: false,
        is_additional: domain.is_additional,
        direct_tracking: settings.direct_tracking,
        direct_tracking_redirect: settings.direct_tracking_redirect,
        direct_tracking_redirect_url: settings.direct_tracking_redirect_url,
    })
}

/// The domain that is named, or the program's default one.
async fn find_domain(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    domain: Option<DomainRef>,
) -> Result<Domain> {
    let id = domain.map(DomainRef::id).transpose()?;
    domains::find_domain(conn, ProgramScope { workspace_id, program_id }, id).await?.ok_or_else(no_domain)
}

/// Passes if the caller takes the domain for what it is.
fn check_additional(said: Option<bool>, is_additional: bool) -> Result<()> {
    if said.is_none_or(|said| said == is_additional) {
        return Ok(());
    }
    Err(Error::invalid(vec![Problem {
        code: ProblemCode::InvalidValue,
        path: "is_additional".to_owned(),
        message: "Must say what the domain says".into(),
    }]))
}

/// What a request wants of a link that is there.
#[derive(Clone)]
pub(super) struct NamedLinkChanges {
    pub(super) key: Option<LinkKey>,
    /// The domain that it is to live on; cleared, the default one.
    pub(super) domain: Change<DomainRef>,
    /// Whether the caller takes the domain for an additional one.
    pub(super) is_additional: Option<bool>,
    pub(super) settings: SettingChanges,
}

/// Changes a link. It keeps its id.
///
/// # Errors
/// 404 for an unknown link or domain, 409 for a taken key, 422 for a domain or a redirect that is not as it must be.
pub(super) async fn update_named_link(
    conn: &mut PgConnection,
    actor: Actor<'_>,
    scope: ProgramScope,
    name: &LinkRef,
    wanted: &NamedLinkChanges,
) -> Result<Link> {
    let link = change::lock_link(conn, scope, name).await?;
    let domain = match wanted.domain {
        Change::Keep => None,
        Change::Clear => Some(find_domain(conn, scope, None).await?),
        Change::Set(domain) => Some(find_domain(conn, scope, Some(domain)).await?),
    };
    check_additional(wanted.is_additional, domain.as_ref().map_or(link.is_additional, |domain| domain.is_additional))?;
    let mut settings = link.settings.clone();
    wanted.settings.apply(&mut settings);
    tracking::check(&settings)?;
    let id = LinkRef::Id(link.id);
    let changes = LinkChanges {
        domain_id: domain.map(|domain| domain.id),
        key: wanted.key.clone(),
        settings: wanted.settings.clone(),
        ..LinkChanges::default()
    };
    change::update_link(conn, actor, link, &changes).await?;
    change::find_link(conn, scope, &id).await
}

/// A page of a partner's links, oldest first.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(super) async fn list_links(
    conn: &mut PgConnection,
    ProgramScope { workspace_id, program_id }: ProgramScope,
    partner: &PartnerName,
    page: PageRequest,
) -> Result<Vec<ReferralLinkRow>> {
    let partner_id =
        store::find_partner_id(conn, workspace_id, program_id, partner).await?.ok_or_else(Error::not_enrolled)?;
    let owner = LinkOwner { workspace_id, program_id, partner_id };
    store::list_links(conn, owner, page.wanted(), page.offset()).await
}
