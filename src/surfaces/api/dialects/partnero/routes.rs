//! The referral links of the Partnero dialect: snake case, `{"data": …, "status": 1}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::model::{LinkName, PartnerReferralLink, ReferralLinkDomain};
use super::page::Page;
use super::request::{
    PageQuery, PartnerReferralLinkChangesRequest, PartnerReferralLinkRequest, ProgramQuery, SearchQuery,
};
use crate::access::{Caller, ReadLinks, ReadPartnerLinks, WriteLinks};
use crate::domains::ListDomains;
use crate::error::{Error, Result};
use crate::http::extract::{Address, Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::links::{
    CreateReferralLink, DeleteLink, FindLink, ListReferralLinks, PartnerName, UpdateReferralLink, no_link,
};
use crate::work::Executor;

/// `{"data": …, "status": 1}`.
#[derive(Serialize)]
pub(crate) struct Envelope<T> {
    data: T,
    status: u8,
}

impl<T> Envelope<T> {
    fn new(data: impl Into<T>) -> Self {
        Self { data: data.into(), status: 1 }
    }
}

/// `POST /partner_referral_links`.
pub(crate) async fn create_partner_referral_link(
    executor: Executor,
    caller: Caller<WriteLinks>,
    Body(request): Body<PartnerReferralLinkRequest>,
) -> Result<Created<Envelope<PartnerReferralLink>>> {
    let PartnerReferralLinkRequest { key, domain, is_additional, settings, partner, program } = request;
    let scope = caller.program(program).await?;
    let command = CreateReferralLink { scope, partner, key, domain, is_additional, settings };
    let created = executor.run(&caller, command).await?;
    Ok(Created(Envelope::new(created)))
}

/// `GET /partner_referral_links:domains`.
pub(crate) async fn list_partner_referral_link_domains(
    executor: Executor,
    caller: Caller<ReadLinks>,
    Query(PageQuery { page, program }): Query<PageQuery>,
    address: Address,
) -> Result<Found<Page<ReferralLinkDomain>>> {
    let scope = caller.program(program).await?;
    let domains = executor.read(scope.workspace_id, ListDomains { scope, page: page.rows() }).await?;
    Ok(Found(Page::new(page, &address, domains)))
}

/// `GET /partner_referral_links:search`.
pub(crate) async fn search_partner_referral_links(
    executor: Executor,
    caller: Caller<ReadLinks>,
    Query(SearchQuery { name, program }): Query<SearchQuery>,
) -> Result<Found<Envelope<PartnerReferralLink>>> {
    let scope = caller.program(program).await?;
    let LinkName(link) = name.ok_or_else(no_link)?;
    let found = executor.read(scope.workspace_id, FindLink { scope, link }).await?;
    Ok(Found(Envelope::new(found)))
}

/// `GET /partner_referral_links/{id}`.
pub(crate) async fn retrieve_partner_referral_link(
    executor: Executor,
    caller: Caller<ReadLinks>,
    PathId(name): PathId<LinkName>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<Envelope<PartnerReferralLink>>> {
    let scope = caller.program(program).await?;
    let LinkName(link) = name.ok_or_else(no_link)?;
    let found = executor.read(scope.workspace_id, FindLink { scope, link }).await?;
    Ok(Found(Envelope::new(found)))
}

/// `PUT /partner_referral_links/{id}`.
pub(crate) async fn update_partner_referral_link(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(name): PathId<LinkName>,
    Body(PartnerReferralLinkChangesRequest { changes, program }): Body<PartnerReferralLinkChangesRequest>,
) -> Result<Found<Envelope<PartnerReferralLink>>> {
    let scope = caller.program(program).await?;
    let LinkName(link) = name.ok_or_else(no_link)?;
    let updated = executor.run(&caller, UpdateReferralLink { scope, link, changes }).await?;
    Ok(Found(Envelope::new(updated)))
}

/// `{"status": 1}`.
#[derive(Serialize)]
pub(crate) struct DeletedLink {
    status: u8,
}

/// `DELETE /partner_referral_links/{id}`.
pub(crate) async fn delete_partner_referral_link(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(name): PathId<LinkName>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<DeletedLink>> {
    let scope = caller.program(program).await?;
    let LinkName(link) = name.ok_or_else(no_link)?;
    executor.run(&caller, DeleteLink { scope, link }).await?;
    Ok(Found(DeletedLink { status: 1 }))
}

/// `GET /partners/{id}/referral_links`.
pub(crate) async fn list_partner_referral_links(
    executor: Executor,
    caller: Caller<ReadPartnerLinks>,
    PathId(partner): PathId<PartnerName>,
    Query(PageQuery { page, program }): Query<PageQuery>,
    address: Address,
) -> Result<Found<Page<PartnerReferralLink>>> {
    let scope = caller.program(program).await?;
    let partner = partner.ok_or_else(Error::not_enrolled)?;
    let links = executor.read(scope.workspace_id, ListReferralLinks { scope, partner, page: page.rows() }).await?;
    Ok(Found(Page::new(page, &address, links)))
}
