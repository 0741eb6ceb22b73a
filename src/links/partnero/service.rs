//! The rules for links whose key the caller chooses.

use sqlx::PgConnection;

use super::store::{self, PartnerSelector};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{DomainId, Ids, LinkId, ProgramId, WorkspaceId};
use crate::links::creation;
use crate::links::key::LinkKey;
use crate::links::model::{LinkOwner, NewLink};
use crate::links::settings::LinkSettings;
use crate::links::store as links;
use crate::programs;
use crate::validation::{Problem, ProblemCode};

/// A link that a caller names.
pub(super) struct NamedLink {
    pub(super) selector: PartnerSelector,
    pub(super) key: LinkKey,
    /// The domain that it is to live on, if not on the default one.
    pub(super) domain_id: Option<DomainId>,
    /// Whether the caller takes that for an additional one.
    pub(super) is_additional: Option<bool>,
}

/// A link that was made.
pub(super) struct CreatedLink {
    pub(super) id: LinkId,
    pub(super) url_prefix: String,
    pub(super) is_additional: bool,
}

/// Makes a link with a key of the caller's choice.
///
/// # Errors
/// 404 for an unknown partner or domain, 409 for a taken key and for a partner who has as many links as it may have.
pub(super) async fn create_named_link(
    conn: &mut PgConnection,
    ids: &Ids,
    now: Timestamp,
    (workspace_id, program_id): (WorkspaceId, ProgramId),
    link: &NamedLink,
) -> Result<CreatedLink> {
    let partner =
        store::lock_partner(conn, workspace_id, program_id, &link.selector).await?.ok_or_else(Error::not_enrolled)?;
    let domain = programs::find_domain(conn, workspace_id, program_id, link.domain_id)
        .await?
        .ok_or_else(|| Error::not_found("The domain does not exist."))?;
    if link.is_additional.is_some_and(|is_additional| is_additional != domain.is_additional) {
        return Err(Error::invalid(vec![Problem {
            code: ProblemCode::InvalidValue,
            path: "is_additional".to_owned(),
            message: "Must say what the domain says".into(),
        }]));
    }
    let owner = LinkOwner { workspace_id, program_id, partner_id: partner.partner_id };
    creation::find_terms(conn, owner).await?.check_number()?;
    let url = domain.program_url.clone();
    let new = NewLink { id: ids.next(now), key: link.key.clone(), url, default_link_id: None, external_id: None };
    let tenant_id = partner.tenant_id.as_deref();
    let inserted =
        links::insert_links(conn, owner, domain.id, tenant_id, &[new], &LinkSettings::default(), now).await?;
    match inserted.first() {
        Some(id) => Ok(CreatedLink { id: *id, url_prefix: domain.url_prefix, is_additional: domain.is_additional }),
        None => Err(Error::conflict("A link with this key exists already.")),
    }
}
