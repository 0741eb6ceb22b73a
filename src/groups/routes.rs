//! `/groups` and `/groups/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use super::model::Actor;
use super::request::{CreateGroupRequest, GroupQuery, ListGroupsQuery};
use super::{service, store};
use crate::access::{Caller, ReadGroups, WriteGroups};
use crate::error::Result;
use crate::groups::{GroupRef, no_group};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::{Created, Found};
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::surfaces::state::AppState;
use crate::values::ProgramScope;
use crate::values::search_pattern::ignoring_case;

impl Actor {
    pub(crate) async fn new(_app: &AppState, caller: Caller<WriteGroups>, program: Option<ProgramRef>) -> Result<Self> {
        let ProgramScope { workspace_id, program_id } = caller.program(program).await?;
        Ok(Self { workspace_id, program_id, api_key_id: Some(caller.api_key_id) })
    }
}

/// `GET /groups`.
pub async fn list_groups(
    App(app): App,
    caller: Caller<ReadGroups>,
    Query(query): Query<ListGroupsQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
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
    let scope = caller.program(query.program).await?;
    let ProgramScope { workspace_id, program_id } = scope;
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
