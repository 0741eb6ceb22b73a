//! The referral links of the Partnero dialect: snake case, `{"data": …, "status": 1}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use super::model::{LinkName, PartnerReferralLink, ReferralLinkDomain};
use super::page::Page;
use super::request::{
    PageQuery, PartnerReferralLinkChangesRequest, PartnerReferralLinkRequest, ProgramQuery, SearchQuery,
};
use super::service::{self, NamedLink};
use crate::access::{Caller, ReadLinks, ReadPartnerLinks, WriteLinks};
use crate::domains;
use crate::error::{Error, Result};
use crate::http::extract::{Address, Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::links::change::{self, Actor};
use crate::links::store::selector::PartnerName;
use crate::surfaces::state::App;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;

/// `{"data": …, "status": 1}`.
#[derive(Serialize)]
struct Envelope<T> {
    data: T,
    status: u8,
}

impl<T> From<T> for Envelope<T> {
    fn from(data: T) -> Self {
        Self { data, status: 1 }
    }
}

/// `POST /partner_referral_links`.
pub async fn create_partner_referral_link(
    App(app): App,
    caller: Caller<WriteLinks>,
    Body(request): Body<PartnerReferralLinkRequest>,
) -> Result<Created<impl Serialize>> {
    let scope = caller.program(request.program).await?;
    let link = Arc::new(NamedLink {
        selector: request.partner,
        key: request.key,
        domain: request.domain,
        is_additional: request.is_additional,
        settings: request.settings,
    });
    let (ids, now) = (Arc::clone(&app.ids), app.clock.now());
    let created = app
        .db
        .tenant(scope.workspace_id)
        .run("create_named_link", move |conn, _| {
            let (ids, link) = (Arc::clone(&ids), Arc::clone(&link));
            Box::pin(async move { service::create_named_link(conn, &ids, now, scope, &link).await })
        })
        .await?;
    Ok(Created(Envelope::from(PartnerReferralLink::from(created))))
}

/// `GET /partner_referral_links:domains`.
pub async fn list_partner_referral_link_domains(
    App(app): App,
    caller: Caller<ReadLinks>,
    Query(query): Query<PageQuery>,
    address: Address,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let page = query.page;
    let domains = app
        .db
        .tenant(workspace_id)
        .read("list_domains", move |conn| {
            Box::pin(domains::list_domains(
                conn,
                ProgramScope { workspace_id, program_id },
                page.wanted(),
                page.offset(),
            ))
        })
        .await?;
    Ok(Found(Page::<ReferralLinkDomain>::new(page, &address, domains)))
}

/// `GET /partner_referral_links:search`.
pub async fn search_partner_referral_links(
    App(app): App,
    caller: Caller<ReadLinks>,
    Query(query): Query<SearchQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    find(&app, scope, query.name).await
}

/// `GET /partner_referral_links/{id}`.
pub async fn retrieve_partner_referral_link(
    App(app): App,
    caller: Caller<ReadLinks>,
    PathId(name): PathId<LinkName>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    find(&app, scope, name).await
}

async fn find(
    app: &AppState,
    scope: ProgramScope,
    name: Option<LinkName>,
) -> Result<Found<Envelope<PartnerReferralLink>>> {
    let LinkName(name) = name.ok_or_else(change::no_link)?;
    let link = app
        .db
        .tenant(scope.workspace_id)
        .read("find_link", move |conn| {
            let name = name.clone();
            Box::pin(async move { change::find_link(conn, scope, &name).await })
        })
        .await?;
    Ok(Found(Envelope::from(PartnerReferralLink::from(link))))
}

/// `PUT /partner_referral_links/{id}`.
pub async fn update_partner_referral_link(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(name): PathId<LinkName>,
    Body(request): Body<PartnerReferralLinkChangesRequest>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(request.program).await?;
    let LinkName(name) = name.ok_or_else(change::no_link)?;
    let wanted = Arc::new((name, request.changes));
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    let link = app
        .db
        .tenant(scope.workspace_id)
        .run("update_named_link", move |conn, _| {
            let (ids, wanted) = (Arc::clone(&ids), Arc::clone(&wanted));
            Box::pin(async move {
                let (name, changes) = &*wanted;
                let actor = Actor { ids: &ids, now, api_key_id };
                service::update_named_link(conn, actor, scope, name, changes).await
            })
        })
        .await?;
    Ok(Found(Envelope::from(PartnerReferralLink::from(link))))
}

/// `{"status": 1}`.
#[derive(Serialize)]
struct Deleted {
    status: u8,
}

/// `DELETE /partner_referral_links/{id}`.
pub async fn delete_partner_referral_link(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(name): PathId<LinkName>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    let LinkName(name) = name.ok_or_else(change::no_link)?;
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    app.db
        .tenant(scope.workspace_id)
        .run("delete_named_link", move |conn, _| {
            let (ids, name) = (Arc::clone(&ids), name.clone());
            Box::pin(async move {
                let link = change::lock_link(conn, scope, &name).await?;
                change::delete_link(conn, Actor { ids: &ids, now, api_key_id }, &link).await
            })
        })
        .await?;
    Ok(Found(Deleted { status: 1 }))
}

/// `GET /partners/{id}/referral_links`.
pub async fn list_partner_referral_links(
    App(app): App,
    caller: Caller<ReadPartnerLinks>,
    PathId(name): PathId<PartnerName>,
    Query(query): Query<PageQuery>,
    address: Address,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
    let name = name.ok_or_else(Error::not_enrolled)?;
    let page = query.page;
    let links = app
        .db
        .tenant(workspace_id)
        .read("list_links_of_partner", move |conn| {
            let name = name.clone();
            Box::pin(
                async move { service::list_links(conn, ProgramScope { workspace_id, program_id }, &name, page).await },
            )
        })
        .await?;
    Ok(Found(Page::<PartnerReferralLink>::new(page, &address, links)))
}
