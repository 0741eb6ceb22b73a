//! `/groups` and `/groups/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use super::model::Actor;
use super::request::{CreateGroupRequest, DeleteGroupQuery, GroupQuery, ListGroupsQuery, UpdateGroupRequest};
use super::{delete, service, store, update};
use crate::error::Result;
use crate::http::extract::{App, Body, Caller, PathId, Query, ReadGroups, WriteGroups};
use crate::http::response::{Created, Found};
use crate::programs::{GroupRef, ProgramRef, no_group};
use crate::search_pattern::ignoring_case;
use crate::state::AppState;

impl Actor {
    async fn new(app: &AppState, caller: Caller<WriteGroups>, program: Option<ProgramRef>) -> Result<Self> {
        let (workspace_id, program_id) = caller.program(app, program).await?;
        Ok(Self { workspace_id, program_id, api_key_id: Some(caller.api_key_id) })
    }
}

/// `GET /groups`.
pub async fn list_groups(
    App(app): App,
    caller: Caller<ReadGroups>,
    Query(query): Query<ListGroupsQuery>,
) -> Result<Found<impl Serialize>> {
    let (workspace_id, program_id) = caller.program(&app, query.program).await?;
    let (search, page) = (query.search.map(|search| ignoring_case(search.as_str())), query.page);
    let groups = app
        .db
        .tenant(workspace_id)
        .read("list_groups", move |conn| {
            let search = search.clone();
            Box::pin(async move { store::list_groups(conn, workspace_id, program_id, search.as_deref(), page).await })
        })
        .await?;
    Ok(Found(groups))
}

/// `POST /groups`.
pub async fn create_group(
    App(app): App,
    caller: Caller<WriteGroups>,
    Body(request): Body<CreateGroupRequest>,
) -> Result<Created<impl Serialize>> {
    let actor = Actor::new(&app, caller, request.program).await?;
    let (ids, now, request) = (Arc::clone(&app.ids), app.clock.now(), Arc::new(request));
    let group = app
        .db
        .tenant(actor.workspace_id)
        .run("create_group", move |conn, _| {
            let (ids, request) = (Arc::clone(&ids), Arc::clone(&request));
            Box::pin(async move { service::create_group(conn, &ids, now, actor, &request).await })
        })
        .await?;
    Ok(Created(group))
}

/// `GET /groups/{id}`.
pub async fn retrieve_group(
    App(app): App,
    caller: Caller<ReadGroups>,
    PathId(group): PathId<GroupRef>,
    Query(query): Query<GroupQuery>,
) -> Result<Found<impl Serialize>> {
    let (workspace_id, program_id) = caller.program(&app, query.program).await?;
    let group = Arc::new(group.ok_or_else(no_group)?);
    let found = app
        .db
        .tenant(workspace_id)
        .read("find_group", move |conn| {
            let group = Arc::clone(&group);
            Box::pin(async move { store::find_group(conn, workspace_id, program_id, &group, true).await })
        })
        .await?;
    found.map(Found).ok_or_else(no_group)
}

/// `PATCH /groups/{id}`.
pub async fn update_group(
    App(app): App,
    caller: Caller<WriteGroups>,
    PathId(group): PathId<GroupRef>,
    Body(UpdateGroupRequest { program, changes }): Body<UpdateGroupRequest>,
) -> Result<Found<impl Serialize>> {
    let actor = Actor::new(&app, caller, program).await?;
    let group = group.ok_or_else(no_group)?;
    Ok(Found(update::update(&app, actor, group, changes).await?))
}

/// `DELETE /groups/{id}`.
pub async fn delete_group(
    App(app): App,
    caller: Caller<WriteGroups>,
    PathId(group): PathId<GroupRef>,
    Query(query): Query<DeleteGroupQuery>,
) -> Result<Found<impl Serialize>> {
    let actor = Actor::new(&app, caller, query.program).await?;
    let group = group.ok_or_else(no_group)?;
    Ok(Found(delete::delete(&app, actor, group, query.move_to).await?))
}
