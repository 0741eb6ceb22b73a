//! `/tags`. Tags are the workspace's, whatever program their links are of.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use super::model::{Tag, TagName, fold};
use super::reference::OneOrMany;
use super::store::{self, TagFilter};
use crate::color::Color;
use crate::error::{Error, Result};
use crate::http::extract::{App, Body, Caller, Page, PathId, Query, ReadLinks, WriteLinks};
use crate::http::response::{Created, Found};
use crate::id::TagId;
use crate::validation::{Bounded, Fields, FromFields, Invalid, ProblemCode, Text};

fn no_tag() -> Error {
    Error::not_found("The tag does not exist.")
}

#[derive(PartialEq)]
enum SortBy {
    Name,
    CreatedAt,
}

impl Text for SortBy {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        match text {
            "name" => Ok(Self::Name),
            "createdAt" => Ok(Self::CreatedAt),
            _ => Err(Invalid::new(ProblemCode::InvalidValue, "Must be name or createdAt")),
        }
    }
}

#[derive(PartialEq)]
enum SortOrder {
    Asc,
    Desc,
}

impl Text for SortOrder {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(Invalid::new(ProblemCode::InvalidValue, "Must be asc or desc")),
        }
    }
}

/// Which tags are asked for.
pub struct TagsQuery(TagFilter);

impl FromFields for TagsQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let by_creation = fields.optional("sortBy") == Some(SortBy::CreatedAt);
        let descending = fields.optional("sortOrder") == Some(SortOrder::Desc);
        let search = fields.optional::<Bounded<0, { usize::MAX }>>("search");
        let ids = fields.optional::<OneOrMany>("ids");
        Some(Self(TagFilter {
            search: search.map(|search| fold(search.as_str())),
            // What is no id is one that does not exist.
            ids: ids.map(|ids| ids.texts().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect()),
            by_creation,
            descending,
            page: Page::from_query(fields),
        }))
    }
}

/// `GET /tags`.
pub async fn get_tags(
    App(app): App,
    caller: Caller<ReadLinks>,
    Query(TagsQuery(filter)): Query<TagsQuery>,
) -> Result<Found<Vec<Tag>>> {
    let (workspace_id, filter) = (caller.workspace_id, Arc::new(filter));
    let tags = app
        .db
        .tenant(workspace_id)
        .read("list_tags", move |conn| {
            let filter = Arc::clone(&filter);
            Box::pin(async move { store::list_tags(conn, workspace_id, &filter).await })
        })
        .await?;
    Ok(Found(tags))
}

/// What a request says about a tag.
struct TagFields {
    name: Option<TagName>,
    color: Option<Color>,
}

impl TagFields {
    /// `tag` is an older spelling of `name`.
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let name = fields.optional("name");
        let tag = fields.optional("tag");
        Self { name: name.or(tag), color: fields.optional("color") }
    }
}

/// A tag to be made.
pub struct CreateTagRequest {
    name: TagName,
    color: Option<Color>,
}

impl FromFields for CreateTagRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.has("name") && !fields.has("tag") {
            fields.fail("name", Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        let TagFields { name, color } = TagFields::from_fields(fields);
        Some(Self { name: name?, color })
    }
}

/// `POST /tags`.
pub async fn create_tag(
    App(app): App,
    caller: Caller<WriteLinks>,
    Body(CreateTagRequest { name, color }): Body<CreateTagRequest>,
) -> Result<Created<Tag>> {
    let (workspace_id, now) = (caller.workspace_id, app.clock.now());
    let (id, color, name) = (app.ids.next(now), color.unwrap_or_else(|| Color::any(&app.ids)), Arc::new(name));
    let shown = Arc::clone(&name);
    let is_new = app
        .db
        .tenant(workspace_id)
        .run("create_tag", move |conn, _| {
            let name = Arc::clone(&name);
            Box::pin(async move { store::insert_tag(conn, workspace_id, (id, &name, color), now).await })
        })
        .await?;
    if !is_new {
        return Err(Error::conflict("A tag with this name exists already."));
    }
    Ok(Created(Tag { id, name: shown.as_str().to_owned(), color }))
}

/// What is to change of a tag.
pub struct UpdateTagRequest(TagFields);

impl FromFields for UpdateTagRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self(TagFields::from_fields(fields)))
    }
}

/// `PATCH /tags/{id}`.
pub async fn update_tag(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(id): PathId<TagId>,
    Body(UpdateTagRequest(TagFields { name, color })): Body<UpdateTagRequest>,
) -> Result<Found<Tag>> {
    let (workspace_id, name) = (caller.workspace_id, Arc::new(name));
    let id = id.ok_or_else(no_tag)?;
    let tag = app
        .db
        .tenant(workspace_id)
        .run("update_tag", move |conn, _| {
            let name = Arc::clone(&name);
            Box::pin(async move { store::update_tag(conn, workspace_id, id, name.as_ref().as_ref(), color).await })
        })
        .await?;
    Ok(Found(tag.ok_or_else(no_tag)?))
}

/// The id of what was deleted.
#[derive(Serialize)]
pub struct DeletedTag {
    id: TagId,
}

/// `DELETE /tags/{id}`.
pub async fn delete_tag(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(id): PathId<TagId>,
) -> Result<Found<DeletedTag>> {
    let (workspace_id, id) = (caller.workspace_id, id.ok_or_else(no_tag)?);
    let was_there = app
        .db
        .tenant(workspace_id)
        .run("delete_tag", move |conn, _| Box::pin(store::delete_tag(conn, workspace_id, id)))
        .await?;
    if was_there { Ok(Found(DeletedTag { id })) } else { Err(no_tag()) }
}
