//! `/links/{id}` and `/links/info`.
#![allow(clippy::missing_errors_doc, reason = "openapi.yaml lists what each operation answers")]

use std::sync::Arc;

use serde::Serialize;

use crate::access::{Caller, ReadLinks, WriteLinks};
use crate::error::{Error, Result};
use crate::http::extract::{Body, PathId, Query};
use crate::http::response::Found;
use crate::links::change::{self, Actor, LinkChanges, no_link};
use crate::links::model::{ExternalId, FreeText, LinkRef};
use crate::links::response::LinkAnswer;
use crate::links::settings::SettingChanges;
use crate::programs::ProgramRef;
use crate::surfaces::state::App;
use crate::surfaces::state::AppState;
use crate::validation::{Fields, FromFields};
use crate::values::ProgramScope;
use crate::values::id::{InvalidId, LinkId};

/// A query that may name a program.
pub(crate) struct ProgramQuery {
    program: Option<ProgramRef>,
}

impl FromFields for ProgramQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("programId") })
    }
}

/// `GET /links/{id}`.
pub(crate) async fn get_link(
    App(app): App,
    caller: Caller<ReadLinks>,
    PathId(link): PathId<LinkRef>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(query.program).await?;
    find(&app, scope, link.ok_or_else(no_link)?).await
}

/// The link that a query names.
pub(crate) struct LinkInfoQuery {
    /// A text that is no id is one that does not exist.
    link: Option<std::result::Result<LinkRef, InvalidId>>,
    program: Option<ProgramRef>,
}

impl FromFields for LinkInfoQuery {
    /// The first that is there counts: `linkId`, `externalId`, then `domain` and `key`.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional::<FreeText>("linkId").map(|id| id.as_str().parse());
        let external_id = fields.optional::<ExternalId>("externalId").map(|id| Ok(LinkRef::External(id)));
        let domain = fields.optional::<FreeText>("domain");
        let key = fields.optional::<FreeText>("key");
        let by_key = domain.zip(key).map(|(domain, key)| Ok(LinkRef::key(key.as_str(), Some(domain.as_str()))));
        Some(Self { link: id.or(external_id).or(by_key), program: fields.optional("programId") })
    }
}

/// `GET /links/info`.
pub(crate) async fn get_link_info(
    App(app): App,
    caller: Caller<ReadLinks>,
    Query(query): Query<LinkInfoQuery>,
) -> Result<Found<impl Serialize>> {
    let link = query
        .link
        .ok_or_else(|| Error::bad_request("You must provide a linkId, an externalId, or a domain and a key."))?;
    let scope = caller.program(query.program).await?;
    find(&app, scope, link.map_err(|_| no_link())?).await
}

async fn find(app: &AppState, scope: ProgramScope, link: LinkRef) -> Result<Found<LinkAnswer>> {
    let link = Arc::new(link);
    let found = app
        .db
        .tenant(scope.workspace_id)
        .read("find_link", move |conn| {
            let link = Arc::clone(&link);
            Box::pin(async move { change::find_link(conn, scope, &link).await })
        })
        .await?;
    Ok(Found(LinkAnswer::from(found)))
}

/// What is to change of a link.
pub(crate) struct UpdateLinkRequest {
    changes: LinkChanges,
    program: Option<ProgramRef>,
}

impl FromFields for UpdateLinkRequest {
    /// In the order of the document, which is the order in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.optional("url");
        let host = fields.optional::<FreeText>("domain").map(|domain| domain.as_str().to_ascii_lowercase());
        let key = fields.optional("key");
        let external_id = fields.change("externalId");
        // The fields of a struct are read as they stand here, those of the base last.
        let settings = SettingChanges {
            track_conversion: fields.optional("trackConversion"),
            public_stats: fields.optional("publicStats"),
            geo: fields.change("geo"),
            utm_source: fields.change("utm_source"),
            utm_medium: fields.change("utm_medium"),
            utm_campaign: fields.change("utm_campaign"),
            utm_term: fields.change("utm_term"),
            utm_content: fields.change("utm_content"),
            ..SettingChanges::from_fields(fields)
        };
        let program = fields.nullable("programId");
        Some(Self { changes: LinkChanges { url, domain_id: None, host, key, external_id, settings }, program })
    }
}

/// `PATCH /links/{id}`.
pub(crate) async fn update_link(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(link): PathId<LinkRef>,
    Body(UpdateLinkRequest { mut changes, program }): Body<UpdateLinkRequest>,
) -> Result<Found<impl Serialize>> {
    let scope = caller.program(program).await?;
    let link = link.ok_or_else(no_link)?;
    changes.settings.hash_password(&app.ids).await?;
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    let wanted = Arc::new((link, changes));
    let changed = app
        .db
        .tenant(scope.workspace_id)
        .run("update_link", move |conn, _| {
            let (ids, wanted) = (Arc::clone(&ids), Arc::clone(&wanted));
            Box::pin(async move {
                let (link, changes) = &*wanted;
                let link = change::lock_link(conn, scope, link).await?;
                let id = link.id;
                change::update_link(conn, Actor { ids: &ids, now, api_key_id }, link, changes).await?;
                // By its id: the request may have changed the other names of the link.
                change::find_link(conn, scope, &LinkRef::Id(id)).await
            })
        })
        .await?;
    Ok(Found(LinkAnswer::from(changed)))
}

/// The id of what was deleted.
#[derive(Serialize)]
pub(crate) struct DeletedLink {
    id: LinkId,
}

/// `DELETE /links/{id}`.
pub(crate) async fn delete_link(
    App(app): App,
    caller: Caller<WriteLinks>,
    PathId(link): PathId<LinkRef>,
    Query(query): Query<ProgramQuery>,
) -> Result<Found<DeletedLink>> {
    let scope = caller.program(query.program).await?;
    let link = Arc::new(link.ok_or_else(no_link)?);
    let (ids, now, api_key_id) = (Arc::clone(&app.ids), app.clock.now(), caller.api_key_id);
    let id = app
        .db
        .tenant(scope.workspace_id)
        .run("delete_link", move |conn, _| {
            let (ids, link) = (Arc::clone(&ids), Arc::clone(&link));
            Box::pin(async move {
                let link = change::lock_link(conn, scope, &link).await?;
                change::delete_link(conn, Actor { ids: &ids, now, api_key_id }, &link).await?;
                Ok(link.id)
            })
        })
        .await?;
    Ok(Found(DeletedLink { id }))
}
