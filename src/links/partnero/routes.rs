//! The referral links of the Partnero dialect: snake case, `{"data": …, "status": 1}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::service::{self, NamedLink};
use super::store::PartnerSelector;
use crate::error::{Error, Result};
use crate::http::extract::{Body, Caller, Query, ReadLinks, WriteLinks};
use crate::http::response::{Created, Found};
use crate::id::{DomainId, LinkId};
use crate::links::key::{self, LinkKey};
use crate::links::model::FreeText;
use crate::partners::Email;
use crate::programs::{self, Domain, short_link};
use crate::state::AppState;
use crate::validation::{Fields, FromFields, Invalid, ProblemCode};

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
            selector.key_folded = Some(key::fold(key.as_str()));
        } else if let Some(email) = email {
            selector.email_normalized = Some(email.normalized().to_owned());
        } else if !["id", "key", "email"].into_iter().any(|name| fields.has(name)) {
            fields.fail_here(Invalid::new(ProblemCode::Custom, "You must provide either id, key, or email."));
        }
        Some(Self(selector))
    }
}

/// A request for a link with a key of the caller's choice.
pub struct PartnerReferralLinkRequest {
    key: LinkKey,
    domain_id: Option<FreeText>,
    is_additional: Option<bool>,
    partner: PartnerSelector,
}

impl FromFields for PartnerReferralLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let key = fields.required("key");
        // The default domain is listed with the id null, and may be named so.
        let domain_id = fields.nullable("domain_id");
        let is_additional =
            if domain_id.is_some() { fields.required("is_additional") } else { fields.optional("is_additional") };
        let partner = match fields.object("partner") {
            None if !fields.has("partner") => {
                fields.fail("partner", Invalid::new(ProblemCode::InvalidType, "Required"));
                None
            }
            partner => partner.map(|PartnerField(selector)| selector),
        };
        Some(Self { key: key?, domain_id, is_additional, partner: partner? })
    }
}

/// `{"data": …, "status": 1}`.
#[derive(Serialize)]
pub struct Envelope<T> {
    data: T,
    status: u8,
}

impl<T> From<T> for Envelope<T> {
    fn from(data: T) -> Self {
        Self { data, status: 1 }
    }
}

/// A link in this dialect.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent properties of the wire format")]
pub struct PartnerReferralLink {
    id: LinkId,
    key: String,
    url: String,
    default: bool,
    is_additional: bool,
    direct_tracking: bool,
    direct_tracking_redirect: bool,
    direct_tracking_redirect_url: Option<String>,
}

/// `POST /partner_referral_links`.
pub async fn create_partner_referral_link(
    State(app): State<AppState>,
    caller: Caller<WriteLinks>,
    Body(request): Body<PartnerReferralLinkRequest>,
) -> Result<Created<Envelope<PartnerReferralLink>>> {
    let domain_id = request
        .domain_id
        .map(|id| id.as_str().parse::<DomainId>())
        .transpose()
        .map_err(|_| Error::not_found("The domain does not exist."))?;
    let key = request.key.as_str().to_owned();
    let is_additional = request.is_additional;
    let link = Arc::new(NamedLink { selector: request.partner, key: request.key, domain_id, is_additional });
    let program = caller.program(&app, None).await?;
    let (ids, now) = (Arc::clone(&app.ids), app.clock.now());
    let created = app
        .db
        .run("create_named_link", move |conn, _| {
            let (ids, link) = (Arc::clone(&ids), Arc::clone(&link));
            Box::pin(async move { service::create_named_link(conn, &ids, now, program, &link).await })
        })
        .await?;
    Ok(Created(Envelope::from(PartnerReferralLink {
        id: created.id,
        url: short_link(&created.url_prefix, &key),
        key,
        default: false,
        is_additional: created.is_additional,
        direct_tracking: false,
        direct_tracking_redirect: false,
        direct_tracking_redirect_url: None,
    })))
}

/// A page of domains.
pub struct DomainsQuery {
    limit: i64,
    page: i64,
}

impl FromFields for DomainsQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let limit = fields.integer("limit", 1..=250);
        let page = fields.integer("page", 1..=i32::MAX.into());
        Some(Self { limit: limit.unwrap_or(10), page: page.unwrap_or(1) })
    }
}

/// A domain in this dialect; the id of the default one is null.
#[derive(Serialize)]
pub struct ReferralLinkDomain {
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

/// `GET /partner_referral_links:domains`.
pub async fn list_partner_referral_link_domains(
    State(app): State<AppState>,
    caller: Caller<ReadLinks>,
    Query(query): Query<DomainsQuery>,
) -> Result<Found<Envelope<Vec<ReferralLinkDomain>>>> {
    let (workspace_id, program_id) = caller.program(&app, None).await?;
    let DomainsQuery { limit, page } = query;
    let domains = app
        .db
        .read("list_domains", move |conn| {
            Box::pin(programs::list_domains(conn, workspace_id, program_id, limit, (page - 1) * limit))
        })
        .await?;
    Ok(Found(Envelope::from(domains.into_iter().map(ReferralLinkDomain::from).collect::<Vec<_>>())))
}
