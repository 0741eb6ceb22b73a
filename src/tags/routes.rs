//! `/tags`. Tags belong to the workspace, whatever the programs of their links.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::model::Tag;
use super::request::{CreateTagRequest, ListTagsQuery, UpdateTagRequest};
use super::service::{CreateTag, DeleteTag, ListTags, UpdateTag, no_tag};
use crate::access::{Caller, ReadLinks, WriteLinks};
use crate::error::Result;
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::values::id::TagId;
use crate::work::Executor;

/// `GET /tags`.
pub async fn get_tags(
    executor: Executor,
    caller: Caller<ReadLinks>,
    Query(ListTagsQuery(filter)): Query<ListTagsQuery>,
) -> Result<Found<Vec<Tag>>> {
    let workspace_id = caller.workspace_id;
    executor.read(workspace_id, ListTags { workspace_id, filter }).await.map(Found)
}

/// `POST /tags`.
pub async fn create_tag(
    executor: Executor,
    caller: Caller<WriteLinks>,
    Body(CreateTagRequest { name, color }): Body<CreateTagRequest>,
) -> Result<Created<Tag>> {
    executor.run(&caller, CreateTag { name, color }).await.map(Created)
}

/// `PATCH /tags/{id}`.
pub async fn update_tag(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(id): PathId<TagId>,
    Body(UpdateTagRequest { name, color }): Body<UpdateTagRequest>,
) -> Result<Found<Tag>> {
    let id = id.ok_or_else(no_tag)?;
    executor.run(&caller, UpdateTag { id, name, color }).await.map(Found)
}

/// The answer of `DELETE /tags/{id}`.
#[derive(Serialize)]
pub struct DeletedTag {
    id: TagId,
}

/// `DELETE /tags/{id}`.
pub async fn delete_tag(
    executor: Executor,
    caller: Caller<WriteLinks>,
    PathId(id): PathId<TagId>,
) -> Result<Found<DeletedTag>> {
    let id = id.ok_or_else(no_tag)?;
    executor.run(&caller, DeleteTag { id }).await?;
    Ok(Found(DeletedTag { id }))
}
