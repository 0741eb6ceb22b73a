//! `/groups` and `GET /groups/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::model::GroupRef;
use super::request::{CreateGroupRequest, ListGroupsQuery};
use super::service::{CreateGroup, FindGroup, ListGroups, no_group};
use crate::access::{Caller, ReadGroups, WriteGroups};
use crate::error::Result;
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::programs::ProgramQuery;
use crate::values::search_pattern::ignoring_case;
use crate::work::Executor;

/// `GET /groups`.
pub async fn list_groups(
    executor: Executor,
    caller: Caller<ReadGroups>,
    Query(ListGroupsQuery { program, search, page }): Query<ListGroupsQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(program).await?;
    let search = search.map(|search| ignoring_case(search.as_str()));
    executor.read(scope.workspace_id, ListGroups { scope, search, page }).await.map(Found)
}

/// `POST /groups`.
pub async fn create_group(
    executor: Executor,
    caller: Caller<WriteGroups>,
    Body(request): Body<CreateGroupRequest>,
) -> Result<Created<impl Serialize>> {
    let scope = caller.program(request.program).await?;
    executor.run(&caller, CreateGroup { scope, request }).await.map(Created)
}

/// `GET /groups/{id}`.
pub async fn retrieve_group(
    executor: Executor,
    caller: Caller<ReadGroups>,
    PathId(group): PathId<GroupRef>,
    Query(ProgramQuery { program }): Query<ProgramQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(program).await?;
    let group = group.ok_or_else(no_group)?;
    executor.read(scope.workspace_id, FindGroup { scope, group }).await.map(Found)
}
