//! `/partners/links`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use super::request::{CreatePartnerLinkRequest, PartnerLinksQuery, UpsertPartnerLinkRequest};
use super::service::{CreatePartnerLink, RetrievePartnerLinks, UpsertPartnerLink};
use crate::access::{Caller, ReadPartnerLinks, WritePartnerLinks};
use crate::error::Result;
use crate::http::extract::{Body, Query};
use crate::http::response::{Created, Found};
use crate::links::model::PartnerLink;
use crate::links::response::LinkResponse;
use crate::partners::PartnerRef;
use crate::work::Executor;

/// `GET /partners/links`.
pub(crate) async fn retrieve_partner_links(
    executor: Executor,
    caller: Caller<ReadPartnerLinks>,
    Query(PartnerLinksQuery { partner, program }): Query<PartnerLinksQuery>,
) -> Result<Found<Vec<PartnerLink>>> {
    let partner = PartnerRef::named(partner)?;
    let scope = caller.program(program).await?;
    executor.read(scope.workspace_id, RetrievePartnerLinks { scope, partner }).await.map(Found)
}

/// `POST /partners/links`.
pub(crate) async fn create_partner_link(
    executor: Executor,
    caller: Caller<WritePartnerLinks>,
    Body(CreatePartnerLinkRequest { partner, url, mut details, program }): Body<CreatePartnerLinkRequest>,
) -> Result<Created<LinkResponse>> {
    let partner = PartnerRef::named(partner)?;
    let scope = caller.program(program).await?;
    details.props.settings.hash_password(executor.ids()).await?;
    let created = executor.run(&caller, CreatePartnerLink { scope, partner, url, details }).await?;
    Ok(Created(LinkResponse::from(created)))
}

/// `PUT /partners/links/upsert`.
pub(crate) async fn upsert_partner_link(
    executor: Executor,
    caller: Caller<WritePartnerLinks>,
    Body(UpsertPartnerLinkRequest { partner, url, mut details, program }): Body<UpsertPartnerLinkRequest>,
) -> Result<Found<LinkResponse>> {
    let partner = PartnerRef::named(partner)?;
    let scope = caller.program(program).await?;
    details.props.settings.hash_password(executor.ids()).await?;
    let upserted = executor.run(&caller, UpsertPartnerLink { scope, partner, url, details }).await?;
    Ok(Found(LinkResponse::from(upserted)))
}
