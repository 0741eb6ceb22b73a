//! `PATCH /groups/{id}` and `DELETE /groups/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::delete_group::{self, CloseGroup};
use super::update_group::{self, UpdateGroup};
use crate::access::{Caller, WriteGroups};
use crate::error::Result;
use crate::groups::{DeleteGroupQuery, GroupRef, UpdateGroupRequest, no_group};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::Found;
use crate::work::Executor;

/// `PATCH /groups/{id}`.
pub async fn update_group(
    executor: Executor,
    caller: Caller<WriteGroups>,
    PathId(group): PathId<GroupRef>,
    Body(UpdateGroupRequest { program, changes }): Body<UpdateGroupRequest>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(program).await?;
    let group = group.ok_or_else(no_group)?;
    update_group::update_group(&executor, &caller, UpdateGroup { scope, group, changes }).await.map(Found)
}

/// `DELETE /groups/{id}`.
pub async fn delete_group(
    executor: Executor,
    caller: Caller<WriteGroups>,
    PathId(group): PathId<GroupRef>,
    Query(DeleteGroupQuery { program, move_to }): Query<DeleteGroupQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(program).await?;
    let group = group.ok_or_else(no_group)?;
    delete_group::delete_group(&executor, &caller, CloseGroup { scope, group, move_to }).await.map(Found)
}
