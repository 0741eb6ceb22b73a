//! `/links/{id}` and `/links/info`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::model::LinkRef;
use super::request::{LinkInfoQuery, UpdateLinkRequest};
use super::response::LinkResponse;
use super::service::{DeleteLink, FindLink, UpdateLink, no_link};
use crate::access::{Caller, ReadLinks, WriteLinks};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::Found;
use crate::programs::ProgramQuery;
use crate::values::id::LinkId;
use crate::work::Executor;

/// `GET /links/{id}`.
pub(crate) async fn get_link(
    executor: Executor,
    caller: Caller<ReadLinks>,
    PathId(link): PathId<LinkRef>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<LinkResponse>> {
    let scope = caller.program(program).await?;
    let link = link.ok_or_else(no_link)?;
    let found = executor.read(scope.workspace_id, FindLink { scope, link }).await?;
    Ok(Found(LinkResponse::from(found)))
}

/// `GET /links/info`.
pub(crate) async fn get_link_info(
    executor: Executor,
    caller: Caller<ReadLinks>,
    Query(LinkInfoQuery { link, program }): Query<LinkInfoQuery>,
) -> Result<Found<LinkResponse>> {
    let link =
        link.ok_or_else(|| Error::bad_request("You must provide a linkId, an externalId, or a domain and a key."))?;
    let scope = caller.program(program).await?;
    let link = link.map_err(|_| no_link())?;
    let found = executor.read(scope.workspace_id, FindLink { scope, link }).await?;
    Ok(Found(LinkResponse::from(found)))
}

/// `PATCH /links/{id}`.
pub(crate) async fn update_link(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(link): PathId<LinkRef>,
    Body(UpdateLinkRequest { mut changes, program }): Body<UpdateLinkRequest>,
) -> Result<Found<LinkResponse>> {
    let scope = caller.program(program).await?;
    let link = link.ok_or_else(no_link)?;
    changes.settings.hash_password(executor.ids()).await?;
    let updated = executor.run(&caller, UpdateLink { scope, link, changes }).await?;
    Ok(Found(LinkResponse::from(updated)))
}

/// The answer of `DELETE /links/{id}`.
#[derive(Serialize)]
pub(crate) struct DeletedLink {
    id: LinkId,
}

/// `DELETE /links/{id}`.
pub(crate) async fn delete_link(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(link): PathId<LinkRef>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<DeletedLink>> {
    let scope = caller.program(program).await?;
    let link = link.ok_or_else(no_link)?;
    let id = executor.run(&caller, DeleteLink { scope, link }).await?;
    Ok(Found(DeletedLink { id }))
}
