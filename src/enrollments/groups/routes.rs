//! `PATCH /groups/{id}` and `DELETE /groups/{id}`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use serde::Serialize;

use super::{delete, update};
use crate::access::{Caller, WriteGroups};
use crate::error::Result;
use crate::groups::model::Actor;
use crate::groups::request::{DeleteGroupQuery, UpdateGroupRequest};
use crate::groups::{GroupRef, no_group};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::Found;
use crate::surfaces::state::App;

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
