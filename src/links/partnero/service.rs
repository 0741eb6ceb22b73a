//! The rules for links whose key the caller chooses.

use sqlx::PgConnection;

use super::model::{PartnerName, ReferralLinkRow};
use super::page::PageRequest;
use super::store::{self, PartnerSelector};
use super::tracking;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{DomainId, Ids, ProgramId, WorkspaceId};
use crate::links::creation::{self, KeyChoice, LinkToMake};
use crate::links::key::LinkKey;
use crate::links::model::LinkOwner;
use crate::links::settings::SettingChanges;
use crate::programs::{self, Domain};
use crate::validation::{Problem, ProblemCode};

/// A link that a caller names.
pub(super) struct NamedLink {
    pub(super) selector: PartnerSelector,
    pub(super) key: LinkKey,
    /// The domain that it is to live on, if not on the default one.
    pub(super) domain_id: Option<DomainId>,
    /// Whether the caller takes that for an additional one.
    pub(super) is_additional: Option<bool>,
    pub(super) settings: SettingChanges,
}

/// Makes a link with a key of the caller's choice. It leads where one leads that names no address.
///
/// # Errors
/// 404 for an unknown partner or domain, 409 for a taken key and for a partner who has as many links as it may have,
/// 422 for a domain or a redirect that is not as it must be.
pub(super) async fn create_named_link(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    link: &NamedLink,
) -> Result<ReferralLinkRow> {
    let settings = link.settings.settings();
    tracking::check(&settings)?;
    let partner_id =
        store::lock_partner(conn, workspace_id, program_id, &link.selector).await?.ok_or_else(Error::not_enrolled)?;
    let domain = find_domain(conn, (workspace_id, program_id), link.domain_id, link.is_additional).await?;
    let owner = LinkOwner { workspace_id, program_id, partner_id };
    let terms = creation::find_terms(conn, owner).await?;
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

/// The domain with this id, or the program's default one, which must be what the caller takes it for.
async fn find_domain(
    conn: &mut PgConnection,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    id: Option<DomainId>,
    is_additional: Option<bool>,
) -> Result<Domain> {
    let domain = programs::find_domain(conn, workspace_id, program_id, id)
        .await?
        .ok_or_else(|| Error::not_found("The domain does not exist."))?;
    if is_additional.is_some_and(|is_additional| is_additional != domain.is_additional) {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "is_additional".to_owned(),
            message: "Must say what the domain says".into(),
        }]));
    }
    Ok(domain)
}

/// A page of a partner's links, oldest first.
///
/// # Errors
/// 404 when the partner is not enrolled.
pub(super) async fn list_links(
    conn: &mut PgConnection,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    partner: &PartnerName,
    page: PageRequest,
) -> Result<Vec<ReferralLinkRow>> {
    let partner_id =
        store::find_partner_id(conn, workspace_id, program_id, partner).await?.ok_or_else(Error::not_enrolled)?;
    let owner = LinkOwner { workspace_id, program_id, partner_id };
    store::list_links(conn, owner, page.wanted(), page.offset()).await
}
